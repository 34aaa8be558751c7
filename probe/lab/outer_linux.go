package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Lab is a running lab.
type Lab struct {
	Folder string // as EnvDir
	Door   string // as EnvDoor

	control *os.File
	inner   *exec.Cmd
	lock    *os.File
}

// Run sets up a lab, runs a command in it and takes the lab down. It returns
// the command's exit status, 128 + n if signal n ended it. The command shares
// the terminal and the environment of this process, with the variables above,
// a PATH that finds the lab's ssh first, and a runtime folder of its own. When
// ctx ends, the command is killed. A lab that could not keep its promises says
// so on Stderr.
func Run(ctx context.Context, c Config, argv []string) (int, error) {
	if len(argv) == 0 {
		return 0, errors.New("lab: no command to run")
	}
	l, err := Start(ctx, c)
	if err != nil {
		return 0, err
	}
	city := c.At
	if city == "" {
		city = Operator
	}
	answer, err := ask(ctx, l.Door, request{Exec: &execRequest{City: city, Argv: argv, Attached: true}},
		Command{Stdin: c.Stdin, Stdout: c.Stdout, Stderr: c.Stderr, Signals: c.Signals})
	if err == nil && c.Stderr != nil {
		if counted, err := ask(ctx, l.Door, request{Count: true}, Command{}); err == nil {
			counted.Counters.complain(c.Stderr)
		}
	}
	return answer.Status, errors.Join(err, l.Close())
}

// Start sets up a lab. It must be closed; if this process dies, however, it
// closes itself. ErrForbidden says that this machine does not allow one,
// ErrNoSSH that it has no sshd to run.
func Start(ctx context.Context, c Config) (*Lab, error) {
	n, err := newNetwork(&c)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if c.At != "" {
		if _, err := n.find(c.At); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	}
	if c.Sshd {
		if _, err := findProgram("sshd"); err != nil {
			return nil, fmt.Errorf("lab: %w", err)
		}
	}
	l, err := newFolder()
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := l.start(ctx, makeOrder(&c, l.Folder, n)); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// Close ends everything that runs in the lab and removes its folder.
func (l *Lab) Close() error {
	var err error
	if l.control != nil {
		l.control.Close() // the inner process notices, and tidies up
		err = l.inner.Wait()
	}
	if err != nil {
		err = fmt.Errorf("lab: %w", err)
	}
	return errors.Join(err, os.RemoveAll(l.Folder), l.lock.Close())
}

func (l *Lab) start(ctx context.Context, o *order) error {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("lab: make control socket: %w", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "control")
	defer theirs.Close()
	control := os.NewFile(uintptr(pair[0]), "control")
	l.inner = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{innerName}, Stderr: os.Stderr,
		ExtraFiles: []*os.File{theirs, l.lock}, SysProcAttr: isolation(),
	}
	if err := l.inner.Start(); err != nil {
		control.Close()
		return forbidden(err, isDenial(err))
	}
	l.control = control
	stop := context.AfterFunc(ctx, func() { _ = l.inner.Process.Kill() })
	defer stop()
	var answer state
	theirs.Close()
	if err = json.NewEncoder(control).Encode(o); err == nil {
		err = json.NewDecoder(control).Decode(&answer)
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("lab: set up: %w", ctx.Err())
	case errors.Is(err, io.EOF):
		return errors.New("lab: set up: the inner process died; does main call lab.TakeOver first?")
	case err != nil:
		return fmt.Errorf("lab: set up: %w", err)
	case answer.Error != "":
		return forbidden(errors.New(answer.Error), answer.Denied)
	}
	return nil
}

// labCapabilities are what the lab needs in a user namespace of its own: to
// make and enter namespaces, to mount, and to open packet sockets.
var labCapabilities = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE}

// isolation is the inner process's namespaces. An ordinary user gets them with
// a user namespace, in which he stays who he is: sshd then runs as himself.
func isolation() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET}
	if isPrivileged() {
		return attr
	}
	attr.Cloneflags |= unix.CLONE_NEWUSER
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
	attr.AmbientCaps = labCapabilities
	return attr
}

// isPrivileged says whether this process may make namespaces as it is.
func isPrivileged() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if os.Geteuid() != 0 || unix.Capget(&head, &data[0]) != nil {
		return false
	}
	for _, c := range labCapabilities {
		if data[c/32].Effective&(1<<(c%32)) == 0 {
			return false
		}
	}
	return true
}

// folderPrefix is short: the path of a Unix socket has 108 bytes at most
// (unix(7)), and ssh puts long names into the runtime folder.
const (
	folderPrefix = "mxlab-"
	longestTemp  = 24
)

// newFolder makes the lab's folder, locked for as long as the lab lives, and
// removes those of labs that were killed so that nobody could.
func newFolder() (*Lab, error) {
	base := os.TempDir()
	if len(base) > longestTemp {
		base = "/tmp"
	}
	sweep(base, time.Minute) // younger ones may not be locked yet
	folder, err := os.MkdirTemp(base, folderPrefix)
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	lock, err := lockFolder(folder)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return &Lab{Folder: folder, Door: filepath.Join(folder, "door"), lock: lock}, nil
}

func lockFolder(folder string) (*os.File, error) {
	lock, err := os.Open(folder)
	if err == nil {
		err = unix.Flock(int(lock.Fd()), unix.LOCK_SH)
	}
	if err != nil {
		return nil, fmt.Errorf("lock folder: %w", err)
	}
	return lock, nil
}

// sweep removes folders of this user's labs that nobody holds any more.
func sweep(base string, olderThan time.Duration) {
	old, err := filepath.Glob(filepath.Join(base, folderPrefix+"*"))
	if err != nil {
		return
	}
	for _, folder := range old {
		info, err := os.Lstat(folder)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < olderThan || info.Sys().(*syscall.Stat_t).Uid != uint32(os.Geteuid()) {
			continue
		}
		lock, err := os.Open(folder)
		if err != nil {
			continue
		}
		if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(folder)
		}
		lock.Close()
	}
}

func isDenial(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EUSERS) ||
		errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS)
}
