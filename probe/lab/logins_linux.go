package lab

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// loginShell is the shell of everyone in the lab's passwd. The machine's own
// may read start-up files, or be nologin. sshd goes to the home of passwd,
// the same for all cities; the city's own is in HOME. A session is a scheduling
// group of its own (sched(7), autogroup), for which the nice value that it
// inherited counts for nothing.
const loginShell = `#!/bin/sh
{ echo 19 >/proc/self/autogroup; } 2>/dev/null
cd "$HOME" || exit 1
if [ -e "$HOME/../shell" ]; then exec "$HOME/../shell" "$@"; fi
exec /bin/sh "$@"
`

// logins lays a passwd over the machine's in which this user can log in.
func logins(folder string) error {
	shell, home := filepath.Join(folder, "bin", "login-shell"), filepath.Join(folder, "home")
	if err := os.WriteFile(shell, []byte(loginShell), 0o700); err != nil {
		return fmt.Errorf("write login shell: %w", err)
	}
	if err := os.MkdirAll(home, 0o700); err != nil {
		return fmt.Errorf("make home: %w", err)
	}
	machine, err := os.ReadFile("/etc/passwd")
	if err != nil {
		return fmt.Errorf("read passwd: %w", err)
	}
	text, name := passwd(string(machine), os.Getuid(), os.Getgid(), home, shell)
	if err := overlay(folder, "/etc/passwd", text, 0o644); err != nil {
		return err
	}
	if os.Getuid() != 0 {
		return nil
	}
	// A locked account ("!") is refused even with the right key; this is a
	// password that nothing matches. Only root's sshd can read the file.
	if err := overlay(folder, "/etc/shadow", name+":*:19000::::::\n", 0o600); err != nil {
		return err
	}
	return separationFolder(folder)
}

// separationFolder gives root's sshd the empty folder that it insists on. It
// is usually made by the machine's own sshd. To make it without a trace, /run
// is put together anew: a new root, with all that is in the old one.
func separationFolder(folder string) error {
	if _, err := os.Stat("/run/sshd"); err == nil {
		return nil
	}
	made := filepath.Join(folder, "etc", "run")
	if err := os.MkdirAll(made, 0o755); err != nil {
		return fmt.Errorf("make /run: %w", err)
	}
	if err := unix.Mount("tmpfs", made, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("make /run: %w", err)
	}
	old, err := os.ReadDir("/run")
	if err != nil {
		return fmt.Errorf("read /run: %w", err)
	}
	for _, e := range old {
		if err := carryOver(filepath.Join("/run", e.Name()), filepath.Join(made, e.Name()), e.Type()); err != nil {
			return fmt.Errorf("make /run: %w", err)
		}
	}
	if err := os.Mkdir(filepath.Join(made, "sshd"), 0o755); err != nil {
		return fmt.Errorf("make /run: %w", err)
	}
	if err := unix.Mount(made, "/run", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("make /run: %w", err)
	}
	return nil
}

func carryOver(from, to string, kind fs.FileMode) error {
	if kind&fs.ModeSymlink != 0 {
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	var err error
	if kind.IsDir() {
		err = os.Mkdir(to, 0o755)
	} else {
		err = os.WriteFile(to, nil, 0o644)
	}
	if err != nil {
		return err
	}
	return unix.Mount(from, to, "", unix.MS_BIND|unix.MS_REC, "")
}
