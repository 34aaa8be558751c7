package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrNoSSH says that a lab with sshd was asked for on a machine that has none.
var ErrNoSSH = errors.New("OpenSSH is not installed (on Debian: apt install openssh-server openssh-client)")

// findProgram finds a program of OpenSSH. sshd must be called by its whole
// path, and is where an ordinary user's PATH does not look.
func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return filepath.Abs(path)
	}
	for _, folder := range []string{"/usr/sbin", "/usr/local/sbin", "/sbin"} {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, ErrNoSSH)
}

// passwd is the machine's passwd with one user able to log in, whom it may not
// even know: containers run as numbers. It returns his name too.
func passwd(machine string, uid, gid int, home, shell string) (text, name string) {
	name = "matrix"
	var rest strings.Builder
	for line := range strings.Lines(machine) {
		fields := strings.Split(line, ":")
		switch {
		case len(fields) > 2 && fields[2] == strconv.Itoa(uid):
			name = fields[0]
		default:
			rest.WriteString(line)
		}
	}
	return fmt.Sprintf("%s:*:%d:%d:lab:%s:%s\n%s", name, uid, gid, home, shell, rest.String()), name
}

// quote makes one word of a text for /bin/sh.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
