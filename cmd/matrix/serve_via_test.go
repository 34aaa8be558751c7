package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"matrix/probe/bus"
)

// standing is a service over NATS: a process of its own, which can be killed.
type standing struct {
	*exec.Cmd
	said   *lineWatch
	client *http.Client
}

// serve starts a service with a state of its own, as on another machine, and the
// history that all share.
func (w *natsWorld) serve(name string, every time.Duration, more ...string) *standing {
	w.t.Helper()
	socket := w.path(name + ".sock")
	s := &standing{said: &lineWatch{fresh: make(chan bool, 1)}}
	args := append([]string{"-c", "12", "-i", "250ms", "-t", "1s", "--every", every.String(), "--listen", "unix:" + socket, "--verbose"}, more...)
	s.Cmd = exec.Command(built(w.t), w.measuring(args...)...)
	s.Args = append([]string{s.Args[0], "serve"}, s.Args[1:]...)
	s.Env = append(os.Environ(), "XDG_STATE_HOME="+w.path("state-"+name), "STATE_DIRECTORY=")
	talk, err := s.StderrPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(talk); lines.Scan(); {
			fmt.Fprintln(s.said, lines.Text())
		}
	}()
	s.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	w.t.Cleanup(func() {
		s.kill()
		s.client.CloseIdleConnections()
		if w.t.Failed() {
			w.t.Logf("%s said\n%s", name, s.said.text())
		}
	})
	return s
}

func (s *standing) kill() {
	_ = s.Process.Kill()
	_ = s.Wait() // of a process that was killed
}

// gave says whether the service has given all cities their jobs.
func (s *standing) gave(names []string) bool {
	for _, name := range names {
		if !strings.Contains(s.said.text(), `msg="its agent has the job" from=`+name) {
			return false
		}
	}
	return true
}

// healthy says whether the service shows a fresh round.
func (s *standing) healthy() bool {
	answer, err := s.client.Get("http://matrix/healthz")
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// TestTwoServices have one schedule and one history: each round is measured once,
// and both show it. One that is killed in the middle of its round has it finished
// by the other; when it is back, nothing is measured twice.
func TestTwoServices(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich", "milan")
	w.agents()
	const every = 30 * time.Second
	mine, other := w.serve("one", every), w.serve("two", every)
	eventually(t, "one of them has given out all jobs", func() bool {
		if other.gave(w.names) {
			mine, other = other, mine
		}
		return mine.gave(w.names)
	})
	mine.kill()
	held := fmt.Sprintf(", process %d has it, running or gone; if that is gone, it is free at ", mine.Process.Pid)
	other.said.await(t, held)
	const finished = "is saved, which its coordinator had not finished: 6 of 6 pairs measured"
	eventually(t, "the other has finished its round", func() bool { return strings.Contains(other.said.text(), finished) })
	eventually(t, "the other shows it", other.healthy)
	back := w.serve("back", every)
	eventually(t, "two rounds more", func() bool { return len(w.rounds()) >= 3 })
	eventually(t, "who came back shows them", back.healthy)
	slots := map[time.Time]bool{}
	for _, r := range w.rounds() {
		if slot := r.Start.Truncate(every); slots[slot] {
			t.Errorf("two rounds of %v", slot)
		} else {
			slots[slot] = true
		}
		if !r.Complete() {
			t.Errorf("the round of %v is not whole", r.Start)
		}
		for _, s := range r.Samples {
			if len(s.RTTs) != 12 {
				t.Errorf("%v: %v has %d of 12 replies", r.Start, s.Pair, len(s.RTTs))
			}
		}
	}
	if open, status := w.matrix(w.collecting("collect")...); status != 0 || strings.Contains(open, "saved") {
		t.Errorf("something was left: status %d, %s", status, open)
	}
}

// TestAServiceThatWasKilled and is started again says that its own round is still
// taken, and until when, and finishes it then.
func TestAServiceThatWasKilled(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agents()
	const every = time.Hour // the first round is at once
	dead := w.serve("one", every)
	eventually(t, "it has given out all jobs", func() bool { return dead.gave(w.names) })
	dead.kill()
	back := w.serve("one", every)
	held := fmt.Sprintf(", process %d has it, running or gone; if that is gone, it is free at ", dead.Process.Pid)
	back.said.await(t, held)
	_, after, _ := strings.Cut(back.said.text(), held)
	until, err := time.Parse(time.TimeOnly, after[:len(time.TimeOnly)])
	if err != nil {
		t.Fatal(err)
	}
	back.said.await(t, "is saved, which its coordinator had not finished: 2 of 2 pairs measured")
	// It reads the round for as long as what is in the stream may take.
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	if late := time.Since(midnight.Add(until.Sub(until.Truncate(24 * time.Hour)))); late > settleTime+5*time.Second {
		t.Errorf("it was saved %v after it was to be free", late)
	}
}

// TestARoundThatSomebodyKeeps costs a service that waits for it no other.
func TestARoundThatSomebodyKeeps(t *testing.T) {
	onlyIfLong(t)
	t.Parallel()
	w := newNATSWorld(t, "paris", "zurich")
	w.agents()
	const every = 12 * time.Second
	service := w.serve("one", every)
	eventually(t, "a round is saved", func() bool { return len(w.rounds()) >= 1 })
	leases, err := w.thief().KeyValue(t.Context(), "matrix_leases")
	if err != nil {
		t.Fatal(err)
	}
	next := time.Now().Truncate(every).Add(every)
	time.Sleep(time.Until(next.Add(-time.Second)))
	keep := func() {
		if _, err := leases.PutString(t.Context(), bus.RunAt(next), "elsewhere, process 1, x"); err != nil {
			t.Fatal(err)
		}
	}
	leftOut := func() int { return strings.Count(service.said.text(), "left out") }
	before := leftOut() // by a machine that was slow to begin
	keep()
	service.said.await(t, "elsewhere, process 1 has it, running or gone; if that is gone, it is free at ")
	keep()
	eventually(t, "the round after is saved", func() bool {
		rounds := w.rounds()
		return !rounds[len(rounds)-1].Start.Before(next.Add(every))
	})
	if leftOut() > before {
		t.Error("a round was left out")
	}
}
