//go:build unix

package ssh

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/probe"
)

// program is a stand-in for matrix: it says what it was started as.
const program = `#!/bin/sh
case $1 in
version) echo v7 ;;
probe) echo "$0 started" ; cat ;;
esac
`

// shell is a Dialer whose hosts are a shell on this machine with a home folder
// of its own, so that the scripts run for real.
func shell(t *testing.T) (*Dialer, string) {
	t.Helper()
	home := t.TempDir()
	rsh := filepath.Join(t.TempDir(), "rsh")
	write(t, rsh, "#!/bin/sh\nHOME="+quote(home)+"; export HOME; shift; exec /bin/sh -c \"$*\"\n")
	binary := filepath.Join(t.TempDir(), "matrix")
	write(t, binary, program)
	sum, err := checksum(binary)
	if err != nil {
		t.Fatal(err)
	}
	return &Dialer{Command: []string{rsh}, Binary: &Binary{Path: binary, Version: "v7", sum: sum}}, home
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

var baltimore = probe.City{Name: "baltimore", Host: "baltimore.example"}

// firstLine dials and reads one line, or the explained error.
func firstLine(t *testing.T, d *Dialer) (string, error) {
	t.Helper()
	conn, err := d.Dial(t.Context(), baltimore)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", conn.Explain(err)
	}
	return strings.TrimSpace(line), nil
}

// installed dials a host without matrix, installs it and dials again.
func installed(t *testing.T, d *Dialer) string {
	t.Helper()
	_, err := firstLine(t, d)
	var missing *missingError
	if !errors.As(err, &missing) {
		t.Fatalf("error %v, want one that says matrix is missing", err)
	}
	if err := missing.Install(t.Context()); err != nil {
		t.Fatal(err)
	}
	line, err := firstLine(t, d)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestAMissingMatrixIsPutThere(t *testing.T) {
	d, home := shell(t)
	want := filepath.Join(home, d.Binary.home()) + " started"
	if line := installed(t, d); line != want {
		t.Errorf("the far side says %q, want %q", line, want)
	}
	left, err := filepath.Glob(filepath.Join(home, ".cache/matrix/*"))
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v is left there, want the program alone", left, err)
	}
}

func TestAnotherVersionIsReplaced(t *testing.T) {
	d, home := shell(t)
	d.RemotePath = filepath.Join(home, "it's here", "matrix")
	if err := os.Mkdir(filepath.Dir(d.RemotePath), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, d.RemotePath, strings.ReplaceAll(program, "v7", "v6"))
	// What is nobody's business, however old it is.
	for _, name := range []string{"matrix-notes.txt", "matrix-0123456789abcdef"} {
		age(t, filepath.Join(filepath.Dir(d.RemotePath), name))
	}
	if line := installed(t, d); line != d.RemotePath+" started" {
		t.Errorf("the far side says %q", line)
	}
	if left := names(t, filepath.Dir(d.RemotePath)); len(left) != 3 {
		t.Errorf("only %v is left of its neighbours", left)
	}
}

// age makes a file that was last touched long ago.
func age(t *testing.T, path string) {
	t.Helper()
	write(t, path, "")
	long := time.Now().AddDate(0, -3, 0)
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, folder string) []string {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestOldBuildsGo(t *testing.T) {
	d, home := shell(t)
	ours := filepath.Join(home, ".cache/matrix")
	if err := os.MkdirAll(filepath.Join(ours, "matrix-0000000000000000"), 0o755); err != nil { // a folder
		t.Fatal(err)
	}
	age(t, filepath.Join(ours, "matrix-0123456789abcdef"))
	age(t, filepath.Join(ours, "matrix-notes.txt"))
	write(t, filepath.Join(ours, "matrix-fedcba9876543210"), "in use")
	installed(t, d)
	want := []string{"matrix-0000000000000000", filepath.Base(d.Binary.home()), "matrix-fedcba9876543210", "matrix-notes.txt"}
	slices.Sort(want)
	if left := names(t, ours); !slices.Equal(left, want) {
		t.Errorf("%v is left, want %v", left, want)
	}
}

func TestWhatIsNoMatrixIsLeftAlone(t *testing.T) {
	d, home := shell(t)
	d.RemotePath = filepath.Join(home, "precious")
	write(t, d.RemotePath, "#!/bin/sh\nexit 1\n")
	_, err := firstLine(t, d)
	var host *probe.HostError
	if !errors.As(err, &host) || !strings.Contains(err.Error(), "is no matrix") || host.Hint == "" {
		t.Errorf("error %v, want one that says it is no matrix", err)
	}
}

func TestAProgramOfTheRightVersionIsLeftAlone(t *testing.T) {
	d, home := shell(t)
	d.RemotePath = "bin/matrix"
	if err := os.Mkdir(filepath.Join(home, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, d.RemotePath), program+"# somebody else's build of it\n")
	line, err := firstLine(t, d)
	if want := filepath.Join(home, "bin/matrix") + " started"; err != nil || line != want {
		t.Errorf("the far side says %q, error %v, want %q", line, err, want)
	}
}

func TestInstallFails(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, d *Dialer, home string) *missingError
		want  string
	}{
		{"the copy is damaged", func(_ *testing.T, d *Dialer, _ string) *missingError {
			d.Binary.sum = strings.Repeat("0", 64)
			return &missingError{link: &link{Dialer: d, login: "h", argv: d.Command}, platform: ownPlatform}
		}, "checksum of the copy is"},
		{"nobody may write there", func(t *testing.T, d *Dialer, home string) *missingError {
			d.RemotePath = "/proc/matrix"
			return &missingError{link: &link{Dialer: d, login: "h", argv: d.Command}, platform: ownPlatform}
		}, "/proc/matrix on the host: exit status 1"},
		{"another processor", func(_ *testing.T, d *Dialer, _ string) *missingError {
			return &missingError{link: &link{Dialer: d, login: "h", argv: d.Command}, platform: "linux/mips"}
		}, "the host is linux/mips, and there is no program for it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, home := shell(t)
			err := test.spoil(t, d, home).Install(t.Context())
			var host *probe.HostError
			if !errors.As(err, &host) || !strings.Contains(err.Error(), test.want) || host.Hint == "" {
				t.Fatalf("error %v, want one with %q and a hint", err, test.want)
			}
			left, _ := filepath.Glob(filepath.Join(home, ".cache/matrix/*"))
			if len(left) != 0 {
				t.Errorf("%v is left there", left)
			}
		})
	}
}

func TestAProgramForAnotherProcessorLiesBesideThisOne(t *testing.T) {
	for _, place := range []string{".", "../lib/matrix"} {
		d := &Dialer{Binary: &Binary{Path: filepath.Join(t.TempDir(), "bin", "matrix")}}
		other := filepath.Join(filepath.Dir(d.Binary.Path), place, "matrix-linux-arm64")
		if err := os.MkdirAll(filepath.Dir(other), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, other, "arm")
		path, sum, err := d.Binary.forPlatform(platformOf("Linux", "aarch64"))
		if err != nil || path != other || len(sum) != 64 {
			t.Errorf("in %s: got %s, %s, %v", place, path, sum, err)
		}
	}
}

func TestExplanations(t *testing.T) {
	tests := []struct{ name, rsh, want string }{
		{"it ends without a word", "exit 3", "start: the far side ended with status 3"},
		{"it ends with a word", "echo first >&2; echo 'no \033[31msuch account' >&2; exit 1",
			`start: the far side ended with status 1, saying "no [31msuch account"`},
		{"it ends well, but said nothing", "exit 0", "start: the far side ended with status 0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d, _ := shell(t)
			write(t, d.Command[0], "#!/bin/sh\n"+test.rsh+"\n")
			if _, err := firstLine(t, d); err == nil || err.Error() != test.want {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestNoSuchCommand(t *testing.T) {
	d, _ := shell(t)
	d.Command = []string{filepath.Join(t.TempDir(), "nothing")}
	_, err := firstLine(t, d)
	var host *probe.HostError
	if !errors.As(err, &host) || host.Hint == "" {
		t.Errorf("error %v, want one with a hint", err)
	}
}

func TestCloseEndsAFarSideThatDoesNotCare(t *testing.T) {
	d, _ := shell(t)
	write(t, d.Command[0], "#!/bin/sh\ntrap '' HUP TERM INT PIPE\nexec 0</dev/null\nwhile :; do sleep 0.05; done\n")
	conn, err := d.Dial(t.Context(), baltimore)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	if state := conn.cmd.ProcessState; state == nil || state.Success() {
		t.Errorf("the far side ended as %v", state)
	}
}

func TestLoginsThatAreOptionsAreRefused(t *testing.T) {
	d, _ := shell(t)
	_, err := d.Dial(context.Background(), probe.City{Name: "evil", Host: "-oProxyCommand=touch${IFS}/tmp/x"})
	if err == nil {
		t.Error("it was dialled")
	}
}

func TestQuoting(t *testing.T) {
	d, _ := shell(t)
	for _, word := range []string{"", "a b", "it's", `"$HOME"`, "`id`", "a;b", "tab\tnew\nline", `back\slash`} {
		write(t, d.Command[0], "#!/bin/sh\nshift; exec /bin/sh -c \"$*\"\n")
		conn, err := (&link{Dialer: d, login: "h", argv: d.Command}).run(shellCommand(forStart, `printf %s "$1"`, word))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(conn)
		if err != nil || string(got) != word {
			t.Errorf("%q arrives as %q, %v", word, got, err)
		}
		conn.Close()
	}
}
