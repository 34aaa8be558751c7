package ssh

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"matrix/probe"
)

// settings is what ssh would do for a destination, keyword by keyword in lower
// case, as ssh -G prints it.
type settings map[string]string

// settings asks ssh itself: nobody else knows the configuration as well.
func (l *link) settings(ctx context.Context) (settings, error) {
	argv := append(slices.Clone(l.argv), "-G", l.login)
	out, err := exec.CommandContext(ctx, argv[0], argv[1:]...).Output()
	if err != nil {
		text := err.Error()
		if exit, ok := err.(*exec.ExitError); ok {
			text = probe.Clean(string(exit.Stderr), 200)
		}
		return nil, &probe.HostError{
			Op:   "connect",
			Err:  fmt.Errorf("%s -G %s: %s", argv[0], l.login, text),
			Hint: "matrix reaches hosts with the ssh client: install it, or name another command with --rsh",
		}
	}
	s := settings{}
	for line := range strings.Lines(string(out)) {
		keyword, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if _, seen := s[keyword]; !seen {
			s[keyword] = value
		}
	}
	return s, nil
}

// multiplexed says whether the configuration has masters of its own. One that
// decides against them (ControlPath none) looks to ssh -G like one that says
// nothing; an option of --rsh does decide.
func (s settings) multiplexed() bool {
	path := s["controlpath"]
	return s["controlmaster"] != "false" || path != "" && path != "none"
}

// fingerprint names the master of this destination as configured now: another
// port or user, and it is another master.
func (s settings) fingerprint() string {
	hash := sha256.New()
	for _, keyword := range []string{"user", "hostname", "port", "proxyjump", "proxycommand", "hostkeyalias", "userknownhostsfile", "identityfile", "stricthostkeychecking"} {
		fmt.Fprintf(hash, "%s %s\n", keyword, s[keyword])
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}

// maxSocketFolder leaves room, in the 104 to 108 bytes of a Unix socket's
// path, for the name and for the suffix that ssh adds while it connects.
const maxSocketFolder = 104 - len("/0123456789abcdef") - len(".0123456789abcdef")

// SocketFolder is a folder that only this user can enter, for the masters'
// sockets: below $XDG_RUNTIME_DIR, or else in the system's folder for
// temporary files. An error says why there is none that can be trusted.
func SocketFolder() (string, error) {
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("matrix-%d", os.Getuid()))
	if runtime := os.Getenv("XDG_RUNTIME_DIR"); runtime != "" {
		folder = filepath.Join(runtime, "matrix")
	}
	if len(folder) > maxSocketFolder {
		return "", fmt.Errorf("%s: too long a path for a socket", folder)
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	return folder, private(folder)
}
