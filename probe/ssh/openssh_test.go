//go:build unix

package ssh

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"matrix/probe"
	"matrix/probe/lacktest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ownPlatform = runtime.GOOS + "/" + runtime.GOARCH

// server is a real sshd on the loopback, run by and for this user.
type server struct {
	folder string
	port   string
	cmd    *exec.Cmd
}

// startServer starts sshd with keys and configuration of its own.
func startServer(t *testing.T, extra ...string) *server {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	lacktest.Programs(t, "sshd", "ssh", "ssh-keygen")
	// sshd wants this folder for its unprivileged half when it runs as root.
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &server{folder: t.TempDir(), port: freePort(t)}
	for _, key := range []string{"host", "other", "user"} {
		s.do(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.path(key))
	}
	copyFile(t, s.path("user.pub"), s.path("authorized"))
	config := []string{
		"Port " + s.port, "ListenAddress 127.0.0.1", "HostKey " + s.path("host"), "PidFile none",
		"AuthorizedKeysFile " + s.path("authorized"), "StrictModes no", "UsePAM no", "UseDNS no", "PasswordAuthentication no",
	}
	write(t, s.path("sshd_config"), strings.Join(append(config, extra...), "\n")+"\n")
	s.know(t, "host")
	s.start(t)
	s.requireLogin(t)
	return s
}

// requireLogin skips a test of a user who may not log in, such as one whose
// shell is nologin.
func (s *server) requireLogin(t *testing.T) {
	t.Helper()
	s.configure(t)
	out, err := exec.Command("ssh", "-F", s.path("ssh_config"), "-o", "BatchMode=yes", "any", "true").CombinedOutput()
	if err != nil {
		lacktest.Skip(t, "this user cannot log in over ssh: ", string(out))
	}
}

// configure writes the ssh configuration of a person who uses the server.
func (s *server) configure(t *testing.T) {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.path("ssh_config"), fmt.Sprintf(
		"Host *\nHostName 127.0.0.1\nPort %s\nUser %s\nIdentityFile %s\nIdentitiesOnly yes\nUserKnownHostsFile %s\nGlobalKnownHostsFile none\n",
		s.port, me.Username, s.path("user"), s.path("known_hosts")))
}

func (s *server) path(name string) string { return filepath.Join(s.folder, name) }

func (s *server) do(t *testing.T, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", argv, err, out)
	}
}

func (s *server) start(t *testing.T) {
	t.Helper()
	sshd, err := exec.LookPath("sshd")
	if err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(sshd, "-D", "-e", "-f", s.path("sshd_config"))
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.stop)
	for deadline := time.Now().Add(10 * time.Second); ; {
		conn, err := net.Dial("tcp", "127.0.0.1:"+s.port)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sshd does not listen: %v", err)
		}
	}
}

func (s *server) stop() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// know puts a key into known_hosts as the server's.
func (s *server) know(t *testing.T, key string) {
	t.Helper()
	public, err := os.ReadFile(s.path(key + ".pub"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, s.path("known_hosts"), fmt.Sprintf("[127.0.0.1]:%s %s", s.port, public))
}

// dialer is one that reaches the server as a person would set it up.
func (s *server) dialer(t *testing.T) *Dialer {
	t.Helper()
	d, _ := shell(t)
	d.Command = []string{"ssh", "-F", s.path("ssh_config")}
	d.RemotePath = s.path("matrix")
	write(t, d.RemotePath, program)
	var err error
	if d.Sockets, err = os.MkdirTemp("", "mx"); err != nil { // t.TempDir is too long for a socket
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.endMasters(t)
		os.RemoveAll(d.Sockets)
	})
	return d
}

// endMasters ends the masters that a test has left.
func (d *Dialer) endMasters(t *testing.T) {
	sockets, err := filepath.Glob(filepath.Join(d.Sockets, "*"))
	if err != nil {
		t.Error(err)
	}
	for _, socket := range sockets {
		_ = exec.Command("ssh", "-o", "ControlPath="+socket, "-O", "exit", "h").Run()
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	write(t, to, string(text))
}

func TestOverSSH(t *testing.T) {
	s := startServer(t)
	d := s.dialer(t)
	for range 2 { // afresh, and over the master that stands now
		conn, err := d.Dial(t.Context(), baltimore)
		if err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(conn)
		if line, err := r.ReadString('\n'); err != nil || line != d.RemotePath+" started\n" {
			t.Fatalf("the far side says %q, %v", line, conn.Explain(err))
		}
		if _, err := io.WriteString(conn, "hello\n"); err != nil {
			t.Fatal(err)
		}
		if line, err := r.ReadString('\n'); err != nil || line != "hello\n" {
			t.Fatalf("the far side answers %q, %v", line, err)
		}
		conn.Close()
	}
	conn, err := d.Dial(t.Context(), baltimore)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if !conn.reused {
		t.Error("no master stands")
	}
}

func TestInstallOverSSH(t *testing.T) {
	s := startServer(t)
	d := s.dialer(t)
	d.RemotePath = s.path("new/matrix")
	if line := installed(t, d); line != d.RemotePath+" started" {
		t.Errorf("the far side says %q", line)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(t *testing.T, s *server, d *Dialer)
		want  string
		again bool
	}{
		{"a changed host key", func(t *testing.T, s *server, _ *Dialer) { s.know(t, "other") },
			"connect: the host's key is not the one in known_hosts: refused", false},
		{"an unknown host key", func(t *testing.T, s *server, _ *Dialer) { write(t, s.path("known_hosts"), "") },
			"connect: the host's key is not known: refused", false},
		{"a key that is not allowed", func(t *testing.T, s *server, _ *Dialer) { write(t, s.path("authorized"), "") },
			"Permission denied", false},
		{"no server", func(_ *testing.T, s *server, _ *Dialer) { s.stop() }, "Connection refused", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := startServer(t)
			d := s.dialer(t)
			test.spoil(t, s, d)
			_, err := firstLine(t, d)
			var host *probe.HostError
			if !errors.As(err, &host) {
				t.Fatalf("error %v", err)
			}
			if !strings.Contains(err.Error(), test.want) || host.Again != test.again || host.Hint == "" {
				t.Errorf("error %v, again %v, hint %q; want %q", err, host.Again, host.Hint, test.want)
			}
		})
	}
}

// A master whose process hangs must not take the host with it.
func TestAStaleMasterIsReplaced(t *testing.T) {
	s := startServer(t)
	d := s.dialer(t)
	if _, err := firstLine(t, d); err != nil {
		t.Fatal(err)
	}
	pid := d.masterPid(t)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGKILL)
	conn, err := d.Dial(t.Context(), baltimore)
	if err != nil {
		t.Fatal(err)
	}
	err = conn.Explain(errors.New("no greeting"))
	var host *probe.HostError
	if !errors.As(err, &host) || !host.Again {
		t.Fatalf("error %v, want one that may be tried again", err)
	}
	if _, err := firstLine(t, d); err != nil {
		t.Fatalf("the next connection: %v", err)
	}
	if d.masterPid(t) == pid {
		t.Error("the master is the same")
	}
}

func (d *Dialer) masterPid(t *testing.T) int {
	t.Helper()
	sockets, err := filepath.Glob(filepath.Join(d.Sockets, "*"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets: %v, %v", sockets, err)
	}
	out, err := exec.Command("ssh", "-o", "ControlPath="+sockets[0], "-O", "check", "h").CombinedOutput()
	if err != nil {
		t.Fatalf("no master: %v: %s", err, out)
	}
	var pid int
	_, after, _ := strings.Cut(string(out), "pid=")
	if _, err := fmt.Sscan(strings.TrimRight(after, ")\r\n"), &pid); err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return pid
}

func TestThePersonsOwnMastersAreLeftAlone(t *testing.T) {
	s := startServer(t)
	d := s.dialer(t)
	for _, test := range []struct {
		config string
		ours   bool
	}{{"", true}, {"ControlMaster auto\nControlPath /tmp/x-%C\n", false}, {"ControlPath /tmp/x-%C\n", false}} {
		plain, err := os.ReadFile(s.path("ssh_config"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, s.path("other_config"), string(plain)+test.config)
		d.Command = []string{"ssh", "-F", s.path("other_config")}
		l, err := d.link(t.Context(), baltimore)
		if err != nil {
			t.Fatal(err)
		}
		if ours := l.socket != ""; ours != test.ours {
			t.Errorf("with %q our own master: %v, want %v", test.config, ours, test.ours)
		}
	}
}

func TestSocketFolder(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	folder, err := SocketFolder()
	if err != nil && !strings.Contains(err.Error(), "too long") {
		t.Fatal(err)
	}
	if err == nil {
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := SocketFolder(); err == nil {
			t.Error("a folder that others can enter is trusted")
		}
	}
	t.Setenv("XDG_RUNTIME_DIR", "/"+strings.Repeat("long", 30))
	if _, err := SocketFolder(); err == nil {
		t.Error("a path too long for a socket is taken")
	}
}
