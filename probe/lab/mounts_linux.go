package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// privateMounts keeps what is mounted here from the rest of the machine.
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Shows the lab's own processes. Not allowed in containers that hide parts
	// of /proc; there the machine's is shown, which does no harm.
	_ = unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	return nil
}

// nameSystem makes the C library of everything in the lab ask the lab's DNS
// and nothing else: neither the machine's own daemons (through nsswitch.conf)
// nor its hosts file.
func nameSystem(folder string) error {
	switched, err := nsswitch()
	if err != nil {
		return err
	}
	for _, f := range []struct{ path, text string }{
		{"/etc/resolv.conf", fmt.Sprintf("nameserver %v\nsearch %s\noptions timeout:2 attempts:2\n", dnsAddr, Domain)},
		{"/etc/hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost\n"},
		{"/etc/nsswitch.conf", switched},
	} {
		if err := overlay(folder, f.path, f.text, 0o644); err != nil {
			return err
		}
	}
	return hideCache()
}

// hideCache hides the socket of the C library's name service cache.
func hideCache() error {
	const socket = "/run/nscd"
	if _, err := os.Stat(socket); err != nil {
		return nil
	}
	if err := unix.Mount("tmpfs", socket, "tmpfs", 0, "size=4k"); err != nil {
		return fmt.Errorf("hide %s: %w", socket, err)
	}
	return nil
}

// nsswitch is the machine's nsswitch.conf with another way to find hosts. And
// with files alone for shadow: nss-systemd would say that nobody is locked.
func nsswitch() (string, error) {
	text, err := os.ReadFile("/etc/nsswitch.conf")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read nsswitch.conf: %w", err)
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		switch database, _, _ := strings.Cut(strings.TrimSpace(line), ":"); database {
		case "hosts", "shadow":
		default:
			out.WriteString(line)
		}
	}
	return out.String() + "\nhosts: files dns\nshadow: files\n", nil
}

// overlay lays a text over a file of the machine, for the lab alone. Where the
// machine has no such file there is nothing to lay it over, nor to hide.
func overlay(folder, path, text string, mode fs.FileMode) error {
	copied := filepath.Join(folder, "etc", filepath.Base(path))
	if err := os.WriteFile(copied, []byte(text), mode); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	err := unix.Mount(copied, path, "", unix.MS_BIND, "")
	if errors.Is(err, unix.ENOENT) && path != "/etc/resolv.conf" {
		return nil
	}
	if err != nil {
		return fmt.Errorf("lay the lab's file over %s: %w", path, err)
	}
	return nil
}

// unmountBelow takes away what is mounted in the lab's folder, so that it can
// be removed.
func unmountBelow(folder string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line) // proc(5): the fifth is the mount point
		if len(fields) > 4 && strings.HasPrefix(fields[4], folder+"/") {
			_ = unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}
