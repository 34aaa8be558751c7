package lab

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// spawner starts processes in hosts and reaps them. The lab's inner process is
// the first of its PID namespace, so that it is handed every orphan too: one
// wait for all, rather than os/exec's wait for each.
type spawner struct {
	mu      sync.Mutex
	waiting map[int]chan syscall.WaitStatus
}

// task is a process to start.
type task struct {
	argv  []string
	env   []string
	dir   string // "": the lab's own
	files [3]*os.File
	nice  int
	group grouping

	hostname string
}

// grouping is how a process relates to the terminal and to signals.
type grouping uint8

const (
	sameGroup  grouping = iota // with the person's own: Ctrl-C reaches it
	ownGroup                   // can be killed with its children
	ownSession                 // likewise, and may read from a terminal that it does not control
)

func newSpawner() *spawner {
	s := &spawner{waiting: make(map[int]chan syscall.WaitStatus)}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			s.reap()
		}
	}()
	return s
}

// reap collects all processes that have ended.
func (s *spawner) reap() {
	for {
		var status syscall.WaitStatus
		s.mu.Lock()
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if ended := s.waiting[pid]; pid > 0 && ended != nil {
			ended <- status
			delete(s.waiting, pid)
		}
		s.mu.Unlock()
		if pid <= 0 && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// start starts a task in a namespace; its status comes on the channel.
func (s *spawner) start(space namespace, t *task) (int, <-chan syscall.WaitStatus, error) {
	program, err := lookPath(t.argv[0], t.env)
	if err != nil {
		return 0, nil, err
	}
	var pid int
	ended := make(chan syscall.WaitStatus, 1)
	err = space.inside(func() error {
		if err := t.become(); err != nil {
			return err
		}
		attr := &syscall.ProcAttr{Dir: t.dir, Env: t.env, Sys: &syscall.SysProcAttr{
			Setpgid: t.group == ownGroup,
			Setsid:  t.group == ownSession,
		}}
		for _, f := range t.files {
			attr.Files = append(attr.Files, f.Fd())
		}
		s.mu.Lock() // so that it is not reaped before it is known
		defer s.mu.Unlock()
		var err error
		if pid, err = syscall.ForkExec(program, t.argv, attr); err != nil {
			return fmt.Errorf("start %s: %w", t.argv[0], err)
		}
		s.waiting[pid] = ended
		return nil
	})
	return pid, ended, err
}

// become gives the thread, which ends after it, what the task inherits from
// it. What runs in a city has the privileges of its user and no more.
func (t *task) become() error {
	if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
		return fmt.Errorf("make UTS namespace: %w", err)
	}
	if err := unix.Sethostname([]byte(t.hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("drop ambient capabilities: %w", err)
	}
	return t.yield()
}

// yield makes the thread as nice as the task is to be. A lab that was itself
// started nicer than that stays so: taking it back is for root alone.
func (t *task) yield() error {
	twenty, err := unix.Getpriority(unix.PRIO_PROCESS, unix.Gettid())
	if err != nil {
		return fmt.Errorf("get priority: %w", err)
	}
	// The system call, unlike the C library, gives 20 less the nice value.
	if err := unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), max(t.nice, 20-twenty)); err != nil {
		return fmt.Errorf("set priority: %w", err)
	}
	return nil
}

// killAll ends every process in the lab but this one, and waits until they are
// gone.
func (s *spawner) killAll() {
	signal.Reset(unix.SIGCHLD)
	_ = unix.Kill(-1, unix.SIGKILL)
	for {
		_, err := syscall.Wait4(-1, nil, 0, nil)
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}

// exitStatus is what a shell makes of how a process ended.
func exitStatus(w syscall.WaitStatus) int {
	if w.Signaled() {
		return 128 + int(w.Signal())
	}
	return w.ExitStatus()
}

// lookPath finds a program by the PATH of the environment that it gets.
func lookPath(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	for _, folder := range filepath.SplitList(getenv(env, "PATH")) {
		path := filepath.Join(folder, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("start %s: not found in PATH", name)
}

func getenv(env []string, name string) string {
	for i := len(env) - 1; i >= 0; i-- {
		if value, ok := strings.CutPrefix(env[i], name+"="); ok {
			return value
		}
	}
	return ""
}

// setenv is env with names replaced, given as NAME=value.
func setenv(env []string, values ...string) []string {
	var out []string
	for _, e := range env {
		keep := true
		for _, v := range values {
			name, _, _ := strings.Cut(v, "=")
			keep = keep && !strings.HasPrefix(e, name+"=")
		}
		if keep {
			out = append(out, e)
		}
	}
	return append(out, values...)
}
