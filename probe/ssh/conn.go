package ssh

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"matrix/probe"
)

// closeGrace is how long a far side may take to end once its stdin has.
const closeGrace = time.Second

// Conn is the stdin and stdout of a command that ssh runs on a host.
type Conn struct {
	link   *link
	reused bool // over a master that stood already
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout io.ReadCloser
	stderr *tail
	exited chan struct{} // closed when the command has ended

	closing sync.Once
	killed  bool // by us; set before exited is waited for
}

// run starts a command line on the host.
func (l *link) run(commandLine string) (*Conn, error) {
	argv := append(slices.Clone(l.argv), l.login, commandLine)
	c := &Conn{link: l, cmd: exec.Command(argv[0], argv[1:]...), stderr: newTail(), exited: make(chan struct{})}
	if l.socket != "" {
		_, err := os.Stat(l.socket)
		c.reused = err == nil
	}
	detach(c.cmd)
	if err := c.start(); err != nil {
		return nil, &probe.HostError{Op: "connect", Err: err, Hint: "matrix reaches hosts with the ssh client: install it, or name another command with --rsh"}
	}
	return c, nil
}

// start connects pipes of our own: exec.Cmd's would wait for a master in the
// background that still holds stderr.
func (c *Conn) start() error {
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	defer errWrite.Close()
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		errRead.Close()
		return err
	}
	defer outWrite.Close()
	c.stdout = outRead
	c.cmd.Stdout, c.cmd.Stderr = outWrite, errWrite
	if c.stdin, err = c.cmd.StdinPipe(); err == nil {
		err = c.cmd.Start()
	}
	if err != nil {
		errRead.Close()
		outRead.Close()
		return err
	}
	go c.stderr.readFrom(errRead)
	go func() {
		_ = c.cmd.Wait() // the status is read from ProcessState
		close(c.exited)
	}()
	return nil
}

func (c *Conn) Read(p []byte) (int, error)  { return c.stdout.Read(p) }
func (c *Conn) Write(p []byte) (int, error) { return c.stdin.Write(p) }

// Close ends the far side: its stdin ends, and it has a second to follow.
func (c *Conn) Close() error {
	c.closing.Do(func() {
		c.stdin.Close()
		select {
		case <-c.exited:
		case <-time.After(closeGrace):
			c.killed = true
			_ = c.cmd.Process.Kill() // it may have ended just now
			<-c.exited
		}
		c.stdout.Close()
		c.stderr.close()
	})
	<-c.exited
	return nil
}

// Explain ends the connection and says what ssh, or the far side's shell, had
// to say about it.
func (c *Conn) Explain(err error) error {
	c.Close()
	var explained *probe.HostError
	if errors.As(err, &explained) {
		return err // it knows better than ssh
	}
	status := c.cmd.ProcessState.ExitCode()
	said := c.stderr.lines()
	if c.killed {
		// It was still running: it hung, or talked nonsense.
		return c.hung(err, said)
	}
	switch {
	case status == exitMissing && missingLine(said) != "":
		return c.link.missing(missingLine(said))
	case status == 255 && c.link.isOpenSSH():
		return c.link.refusal(said)
	case status == exitForeign && len(said) > 0:
		return &probe.HostError{
			Op: "start", Err: errors.New(said[len(said)-1]),
			Hint: "name another place with --remote-path, or none: matrix then keeps itself in ~/.cache/matrix",
		}
	case err != io.EOF: // it said something that was not understood
		return &probe.HostError{Op: "start", Err: fmt.Errorf("%w%s", err, quoteLast(said))}
	default:
		return &probe.HostError{Op: "start", Err: fmt.Errorf("the far side ended with status %d%s", status, quoteLast(said))}
	}
}

func (c *Conn) hung(err error, said []string) error {
	again := c.reused
	if c.reused {
		c.link.dropMaster()
	}
	return &probe.HostError{Op: "start", Err: fmt.Errorf("%w%s", err, quoteLast(said)), Hint: c.link.tryByHand(), Again: again}
}

func missingLine(said []string) string {
	for _, line := range said {
		if rest, found := strings.CutPrefix(line, missingMark+" "); found {
			return rest
		}
	}
	return ""
}

func quoteLast(said []string) string {
	if len(said) == 0 {
		return ""
	}
	return fmt.Sprintf(", saying %q", said[len(said)-1])
}

// tail keeps the end of what a command writes to stderr.
type tail struct {
	mu   sync.Mutex
	text []byte
	file *os.File
	over chan struct{}
}

const maxTail = 8 << 10

func newTail() *tail { return &tail{over: make(chan struct{})} }

func (t *tail) readFrom(f *os.File) {
	defer close(t.over)
	defer f.Close()
	t.mu.Lock()
	t.file = f
	t.mu.Unlock()
	buffer := make([]byte, 1024)
	for {
		n, err := f.Read(buffer)
		t.mu.Lock()
		t.text = append(t.text, buffer[:n]...)
		if len(t.text) > maxTail {
			t.text = t.text[len(t.text)-maxTail:]
		}
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// close waits for the rest of what the ended command wrote, but not for a
// master in the background that holds the pipe open.
func (t *tail) close() {
	select {
	case <-t.over:
		return
	case <-time.After(100 * time.Millisecond):
	}
	t.mu.Lock()
	if t.file != nil {
		t.file.Close()
	}
	t.mu.Unlock()
	<-t.over
}

// lines are the lines that say something, cleaned.
func (t *tail) lines() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var lines []string
	for line := range strings.Lines(string(t.text)) {
		if clean := probe.Clean(line, 200); clean != "" {
			lines = append(lines, clean)
		}
	}
	return lines
}
