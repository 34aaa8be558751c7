package ssh

import "strings"

// The start script's own statuses.
const (
	exitMissing = 86 // matrix is missing, or of another version
	exitForeign = 87 // something else is there
)

// missingMark begins the line in which the start script names the system.
const missingMark = "matrix-missing"

// lookMark begins the line that the look script says.
const lookMark = "matrix-host"

// The scripts are a single line of POSIX shell without single quotes, so that
// any login shell hands them on to /bin/sh unharmed. $1 is where matrix is, or
// should be: absolute, or below the home folder.
const (
	locate = `case $1 in /*) p=$1;; *) p=$HOME/$1;; esac; `

	tellMissing = `echo "` + missingMark + ` $(uname -s) $(uname -m)" >&2; exit 86`

	// startBuild runs the build that $1 is named after. Its date becomes that of
	// its last use.
	startBuild = locate +
		`if [ -x "$p" ]; then touch "$p" 2>/dev/null; exec "$p" probe; fi; ` + tellMissing

	// startVersion runs the matrix at $1 if it is of version $2. What is no
	// matrix stays as it is.
	startVersion = locate +
		`if [ -e "$p" ]; then v=$("$p" version --short 2>/dev/null </dev/null); ` +
		`if [ "$v" = "$2" ]; then exec "$p" probe; fi; ` +
		`if [ -z "$v" ]; then echo "$p is there, and is no matrix" >&2; exit 87; fi; fi; ` + tellMissing

	// look tells the system, and the checksums of what is at $1 and at $2.
	look = `sum() { case $1 in /*) p=$1;; *) p=$HOME/$1;; esac; if [ -x "$p" ]; then ` + sumOfP + `; else echo none; fi; }; ` +
		`echo "` + lookMark + ` $(uname -s) $(uname -m) $(sum "$1") $(sum "$2")"`

	sumOfP = `{ sha256sum "$p" || shasum -a 256 "$p" || sha256 -q "$p"; } 2>/dev/null | cut -c1-64`

	// unpack puts its stdin, unpacked, at $1 if its checksum is $2: under
	// another name first, so that nobody ever runs half a program.
	unpack = locate +
		`d=$(dirname "$p"); mkdir -p "$d" && t=$(mktemp "$p.XXXXXX") || exit 1; ` +
		`trap "rm -f \"$t\"" EXIT; gzip -dc >"$t" || exit 1; ` +
		`s=$({ sha256sum "$t" || shasum -a 256 "$t" || sha256 -q "$t"; } 2>/dev/null | cut -c1-64); ` +
		`if [ "$s" != "$2" ]; then echo "checksum of the copy is ${s:-not to be had}, not $2" >&2; exit 1; fi; ` +
		`chmod 755 "$t" && mv -f "$t" "$p" || exit 1; `

	// installBuild removes builds that nobody has used for a month, too: in the
	// folder that is ours alone, by the names that we give.
	installBuild = unpack +
		`for b in "$d"/matrix-????????????????; do ` +
		`find "$b" -prune -type f -mtime +30 -exec rm -f {} \; 2>/dev/null; done; exit 0`

	installVersion = unpack + `exit 0`

	// keepLink makes the program at $1 known as $2 as well: a name that stays
	// the same, for forced commands. A hard link outlives its other name.
	keepLink = locate + `q=$(dirname "$p")/$2; ln -f "$p" "$q.new" && mv -f "$q.new" "$q"`
)

// What our command lines are for, as the scripts' $0: a forced command, which
// runs none of them, knows them by it.
const (
	forStart   = "matrix-start"
	forInstall = "matrix-install"
	forLook    = "matrix-look"
)

// shellCommand is the command line that runs a script with arguments.
func shellCommand(purpose, script string, args ...string) string {
	words := []string{"exec", "/bin/sh", "-c", quote(script), purpose}
	for _, arg := range args {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

// quote protects a word from a POSIX shell.
func quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
