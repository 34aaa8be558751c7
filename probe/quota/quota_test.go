//go:build linux || darwin || freebsd

package quota

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"matrix/probe"
)

// TestMain makes the test binary a session that takes and holds, where a test
// starts it as one.
func TestMain(m *testing.M) {
	path := os.Getenv("QUOTA_TEST_FOLDER")
	if path == "" {
		os.Exit(m.Run())
	}
	least, err := strconv.Atoi(os.Getenv("QUOTA_TEST_TAKE"))
	if err == nil {
		var got int
		got, _, err = (&Folder{Path: path, Most: 250, Patience: time.Minute}).Take(context.Background(), least, least)
		fmt.Println("took", got)
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until it is killed, or the test ends
}

// session starts a process that holds packets a second, and returns how to kill it.
func session(t *testing.T, folder string, take int) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "QUOTA_TEST_FOLDER="+folder, "QUOTA_TEST_TAKE="+strconv.Itoa(take))
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || said != fmt.Sprintf("took %d\n", take) {
		t.Fatalf("the session says %q, %v", said, err)
	}
	var once sync.Once
	kill = func() {
		once.Do(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
			in.Close()
		})
	}
	t.Cleanup(kill)
	return kill
}

func take(t *testing.T, f *Folder, least, most int) (int, func()) {
	t.Helper()
	got, give, err := f.Take(t.Context(), least, most)
	if err != nil {
		t.Fatal(err)
	}
	return got, give
}

func refused(t *testing.T, f *Folder, least int, want string) {
	t.Helper()
	_, _, err := f.Take(t.Context(), least, least)
	var host *probe.HostError
	if !errors.As(err, &host) || host.Hint == "" || !strings.Contains(err.Error(), want) {
		t.Errorf("%d more: %v", least, err)
	}
}

// TestSharing: each has what it needs as long as there is some, a little more if
// nobody else wants it, and what is given back is there again.
func TestSharing(t *testing.T) {
	f := &Folder{Path: filepath.Join(t.TempDir(), "rate"), Most: 250, Patience: 50 * time.Millisecond}
	first, giveFirst := take(t, f, 100, 125)
	second, giveSecond := take(t, f, 100, 126)
	if first != 125 || second != 125 {
		t.Errorf("took %d and %d", first, second)
	}
	refused(t, f, 1, "other sessions send 250 of the 250 packets a second that it allows")
	giveFirst()
	if got, give := take(t, f, 125, 200); got != 125 {
		t.Errorf("took %d", got)
	} else {
		give()
	}
	refused(t, f, 126, "other sessions send 125 of the 250")
	giveSecond()
	left, err := filepath.Glob(f.Path + "/job-*")
	if err != nil || len(left) > 0 {
		t.Errorf("%v are left: %v", left, err)
	}
}

// TestKilled: what a session held that was killed is there again, and its file is
// gone.
func TestKilled(t *testing.T) {
	f := &Folder{Path: filepath.Join(t.TempDir(), "rate"), Most: 250, Patience: 50 * time.Millisecond}
	kill := session(t, f.Path, 200)
	session(t, f.Path, 50)
	refused(t, f, 1, "250 of the 250")
	kill()
	f.Patience = time.Minute
	if got, give := take(t, f, 200, 250); got != 200 {
		t.Errorf("took %d", got)
	} else {
		give()
	}
	if left, err := filepath.Glob(f.Path + "/job-*"); err != nil || len(left) != 1 {
		t.Errorf("%v are left: %v", left, err)
	}
}

// TestInTurn: who wants all of it gets it as soon as it is free, though others want
// little and come again and again.
func TestInTurn(t *testing.T) {
	f := &Folder{Path: filepath.Join(t.TempDir(), "rate"), Most: 250, Patience: time.Minute}
	_, give := take(t, f, 1, 1)
	got := make(chan int)
	go func() {
		n, give, err := f.Take(t.Context(), 250, 250)
		if err == nil {
			give()
		}
		got <- n
	}()
	waits := func() bool {
		turn, err := os.OpenFile(filepath.Join(f.Path, "turn"), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer turn.Close()
		free, err := lock(turn)
		return err == nil && !free
	}
	for !waits() {
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
	}
	hasty := &Folder{Path: f.Path, Most: 250, Patience: 100 * time.Millisecond}
	refused(t, hasty, 1, "other sessions wait for their turn to send")
	give()
	if n := <-got; n != 250 {
		t.Errorf("took %d", n)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	_, give = take(t, f, 250, 250)
	defer give()
	if _, _, err := f.Take(cancelled, 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is told %v", err)
	}
}

// TestNeverTooMany: however many come and go, those that hold hold no more than
// there is.
func TestNeverTooMany(t *testing.T) {
	f := &Folder{Path: filepath.Join(t.TempDir(), "rate"), Most: 100, Patience: time.Minute}
	var held, most atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 10 {
				got, give, err := f.Take(t.Context(), 10+10*(i%4), 60)
				if err != nil {
					t.Error(err)
					return
				}
				now := held.Add(int64(got))
				for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
				}
				held.Add(-int64(got))
				give()
			}
		})
	}
	all.Wait()
	if most.Load() > 100 || most.Load() < 10 {
		t.Errorf("%d of 100 were held at a time", most.Load())
	}
}

// TestUnusable: where nothing can be shared, nothing is sent.
func TestUnusable(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{open, file, filepath.Join(dir, "link"), filepath.Join(file, "below")} {
		refused(t, &Folder{Path: path, Most: 10}, 1, "its rate cannot be shared among sessions")
	}
	ours := filepath.Join(dir, "ours")
	f := &Folder{Path: ours, Most: 10, Patience: 50 * time.Millisecond}
	_, give := take(t, f, 1, 1)
	give()
	// A name that nobody can read is somebody's who may send all there is.
	strange, err := os.OpenFile(filepath.Join(ours, "job-many"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer strange.Close()
	if mine, err := lock(strange); err != nil || !mine {
		t.Fatal(err)
	}
	refused(t, f, 1, "10 of the 10")
}

// TestUsualFolder is in the user's cache, by the host's name.
func TestUsualFolder(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	path, err := (&Folder{}).folder()
	if want := filepath.Join(os.Getenv("HOME"), ".cache", "matrix", "rate-"+host); err != nil || path != want {
		t.Errorf("%s, %v, want %s", path, err, want)
	}
	blocked := filepath.Join(t.TempDir(), "no-home")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", blocked)
	if path, err = (&Folder{}).folder(); err != nil || path != fmt.Sprintf("/tmp/matrix-rate-%d", os.Getuid()) {
		t.Errorf("%s, %v", path, err)
	}
}
