package ssh

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// passing are words of refusals that another attempt may get past: a burst of
// connections that sshd dropped, a link that broke. A host that did not answer
// for a whole ConnectTimeout is not among them: it has had its time.
var passing = []string{
	"Connection refused", "Connection reset", "Connection closed", "Broken pipe",
	"kex_exchange_identification", "mux_client", "Control socket",
}

// refusal explains ssh's own failure.
func (l *link) refusal(said []string) error {
	if len(said) == 0 {
		return &probe.HostError{Op: "run", Err: errors.New("the far side was killed, or the link broke")}
	}
	text := said[len(said)-1]
	all := strings.Join(said, "\n")
	e := &probe.HostError{Op: "connect", Err: errors.New(text), Hint: l.tryByHand()}
	switch {
	case strings.Contains(all, "REMOTE HOST IDENTIFICATION HAS CHANGED"):
		e.Err = errors.New("the host's key is not the one in known_hosts: refused")
		e.Hint = "find out why it changed before you replace it: ssh-keygen -R and ssh by hand"
	case strings.Contains(all, "Host key verification failed"):
		e.Err = errors.New("the host's key is not known: refused")
		e.Hint = "compare its fingerprint, then add it to known_hosts: ssh by hand once"
	default:
		e.Again = slices.ContainsFunc(passing, func(words string) bool { return strings.Contains(all, words) })
	}
	if e.Again && l.socket != "" && strings.Contains(all, "mux_client") {
		l.dropMaster()
	}
	return e
}

func (l *link) tryByHand() string {
	words := append(slices.Clone(l.Command), l.login, "true")
	if l.isOpenSSH() {
		words = slices.Concat(l.argv[:max(1, len(l.Command))], []string{"-T", "-o", "BatchMode=yes", l.login, "true"})
	}
	return "try by hand: " + strings.Join(words, " ")
}

// dropMaster has a master that does not answer any more replaced by the next
// connection.
func (l *link) dropMaster() {
	argv := append(slices.Clone(l.argv), "-O", "exit", l.login)
	ask := exec.Command(argv[0], argv[1:]...)
	if ask.Start() == nil {
		// A master that hangs does not answer this either; without its socket
		// nobody finds it any more, and it ends with its last session.
		impatience := time.AfterFunc(time.Second, func() { _ = ask.Process.Kill() })
		_ = ask.Wait()
		impatience.Stop()
	}
	_ = os.Remove(l.socket)
}
