package versity

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"matrix/data/history"
	"matrix/data/history/storetest"
	"matrix/probe"
)

const where = "s3://fleet/history"

// waits saves a round that cannot be put into the bucket: it is on this machine,
// whole, and the error says why and what to do.
func waits(t *testing.T, h *history.History, r *probe.Round, wants ...string) {
	t.Helper()
	saved, err := h.Save(t.Context(), r)
	var waiting *history.Waiting
	if !errors.As(err, &waiting) || !errors.Is(err, history.ErrUnreachable) || saved.ID == "" {
		t.Fatalf("%+v: %v", saved, err)
	}
	if _, err := os.Stat(waiting.Path); err != nil {
		t.Fatal(err)
	}
	for _, want := range append(wants, "nothing is lost: it waits in "+waiting.Path) {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "Signature=") {
		t.Errorf("it tells a secret: %v", err)
	}
}

// unread reads what cannot be reached: that is an error, and neither an empty
// history nor a damaged one.
func unread(t *testing.T, h *history.History, wants ...string) {
	t.Helper()
	rounds, err := h.Rounds(t.Context(), storetest.October, storetest.October.AddDate(0, 1, 0))
	if !errors.Is(err, history.ErrUnreachable) || rounds != nil {
		t.Fatalf("%d rounds: %v", len(rounds), err)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q in it", err, want)
		}
	}
	for _, p := range h.Problems() {
		if !strings.Contains(p.Text, "matrix sync delivers them") {
			t.Errorf("taken for damage: %v", p)
		}
	}
}

func made(n int) []*probe.Round {
	var all []*probe.Round
	for i := range n {
		all = append(all, storetest.Round(i, 8))
	}
	return all
}

func save(t *testing.T, h *history.History, rounds ...*probe.Round) {
	t.Helper()
	for _, r := range rounds {
		if _, err := h.Save(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWrongSecret(t *testing.T) {
	s := start(t)
	right, spool, rounds := s.way(t), t.TempDir(), made(3)
	wrong := right
	wrong.secret = "another"
	hint := "see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	waits(t, wrong.history(t, where, spool), rounds[0], "SignatureDoesNotMatch", hint)
	waits(t, wrong.history(t, where, spool), rounds[1], hint)
	unread(t, wrong.history(t, where, spool), hint)
	nobody := right
	nobody.keyID = "nobody"
	unread(t, nobody.history(t, where, spool), hint)

	told := right.history(t, where, spool).Problems()
	if len(told) != 1 || !strings.Contains(told[0].Text, "2 that wait in "+spool) {
		t.Errorf("what waits is told as %v", told)
	}
	save(t, right.history(t, where, spool), rounds[2]) // and the others with it
	storetest.Same(t, right.history(t, where, spool), rounds)
}

func TestBucketGone(t *testing.T) {
	s := start(t)
	w, spool, rounds := s.way(t), t.TempDir(), made(2)
	if err := s.client.RemoveBucket(t.Context(), "fleet"); err != nil {
		t.Fatal(err)
	}
	hint := "make the bucket fleet at " + s.address
	waits(t, w.history(t, where, spool), rounds[0], "NoSuchBucket", hint)
	unread(t, w.history(t, where, spool), hint)
	if err := s.client.MakeBucket(t.Context(), "fleet", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	if n, err := w.history(t, where, spool).Deliver(t.Context()); n != 1 || err != nil {
		t.Fatalf("%d delivered: %v", n, err)
	}
	save(t, w.history(t, where, spool), rounds[1])
	storetest.Same(t, w.history(t, where, spool), rounds)
}

// TestConnectionCut cuts connections in the middle of an upload, and of a
// download: twice, which nobody notices, and always.
func TestConnectionCut(t *testing.T) {
	s := start(t)
	p := startProxy(t, s.address)
	w, spool := s.way(t), t.TempDir()
	w.address = p.address
	rounds := []*probe.Round{storetest.Round(0, 60), storetest.Round(1, 60), storetest.Round(2, 60)} // 40 kB each

	p.set(rules{cuts: 2, up: 16 << 10})
	save(t, w.history(t, where, spool), rounds[0])
	p.set(rules{cuts: math.MaxInt, up: 16 << 10})
	waits(t, w.history(t, where, spool), rounds[1], "try again")
	p.set(rules{})
	storetest.Same(t, s.way(t).history(t, where, t.TempDir()), rounds[:1])
	save(t, w.history(t, where, spool), rounds[2])

	p.set(rules{cuts: 2, down: 16 << 10})
	storetest.Same(t, w.history(t, where, spool), rounds)
	p.set(rules{cuts: math.MaxInt, down: 16 << 10})
	w.cache = t.TempDir()
	unread(t, w.history(t, where, spool), "try again")
	found, err := w.history(t, where, spool).Verify(t.Context(), nil)
	if !errors.Is(err, history.ErrUnreachable) || len(found.Damaged) > 0 {
		t.Errorf("verify says %+v: %v", found, err)
	}
}

func TestSlowServer(t *testing.T) {
	s := start(t)
	p := startProxy(t, s.address)
	w, spool, rounds := s.way(t), t.TempDir(), made(2)
	w.address, w.stall = p.address, 300*time.Millisecond
	p.set(rules{deaf: true})
	waits(t, w.history(t, where, spool), rounds[0], "nothing moved for 300ms", "too slow")
	unread(t, w.history(t, where, spool), "nothing moved for 300ms", "too slow")

	w.stall = 20 * time.Second
	p.set(rules{pause: 50 * time.Millisecond}) // slow, but moving
	save(t, w.history(t, where, spool), rounds[1])
	storetest.Same(t, w.history(t, where, spool), rounds)
}

// TestServerKilled kills the server in the middle of the upload of a month: all
// rounds are there after it was started again, and the month can be compacted.
func TestServerKilled(t *testing.T) {
	s := start(t)
	p := startProxy(t, s.address)
	w, spool, rounds := s.way(t), t.TempDir(), made(40)
	w.address = p.address
	save(t, w.history(t, where, spool), rounds...)
	p.set(rules{cuts: 1, up: 20 << 10, crossed: func() { _ = s.cmd.Process.Kill() }})
	h := w.history(t, where, spool)
	if _, err := h.Compact(t.Context(), history.MonthOf(storetest.October), nil); !errors.Is(err, history.ErrUnreachable) {
		t.Fatal(err)
	}
	p.set(rules{})
	if err := s.listen(t); err != nil {
		t.Fatal(err)
	}
	storetest.Same(t, w.history(t, where, spool), rounds)
	done, err := w.history(t, where, spool).Compact(t.Context(), history.MonthOf(storetest.October), nil)
	if err != nil || done.Rounds != len(rounds) {
		t.Fatalf("%+v: %v", done, err)
	}
	storetest.Same(t, w.history(t, where, spool), rounds)
	storetest.Whole(t, w.history(t, where, spool), len(rounds))
}

// TestSync takes a history from a folder to the bucket over a line that is cut
// again and again, and back.
func TestSync(t *testing.T) {
	s := start(t)
	p := startProxy(t, s.address)
	w, spool, rounds := s.way(t), t.TempDir(), made(30)
	w.address = p.address
	dir := filepath.Join(t.TempDir(), "history")
	local := func() *history.History { return folder(t, dir) }
	save(t, local(), rounds[:20]...)
	if _, err := local().Compact(t.Context(), history.MonthOf(storetest.October), nil); err != nil {
		t.Fatal(err)
	}
	save(t, local(), rounds[20:]...)
	const files = 12 // ten rounds, a month and its headers

	look := copied(t, local(), w.history(t, where, spool), history.SyncOptions{Look: true})
	if look.Files != files || look.There != 0 {
		t.Fatalf("there is to do %+v", look)
	}
	p.set(rules{cuts: math.MaxInt, up: 12 << 10}) // the month's file is larger
	if _, err := local().Sync(t.Context(), w.history(t, where, spool), history.SyncOptions{Move: true}); !errors.Is(err, history.ErrUnreachable) {
		t.Fatal(err)
	}
	p.set(rules{})
	copied(t, local(), w.history(t, where, spool), history.SyncOptions{})
	again := copied(t, local(), w.history(t, where, spool), history.SyncOptions{})
	if again.Files != 0 {
		t.Fatalf("again %+v", again)
	}
	storetest.Same(t, w.history(t, where, spool), rounds)
	read(t, s, dir, len(rounds))

	back := filepath.Join(t.TempDir(), "back")
	copied(t, w.history(t, where, spool), folder(t, back), history.SyncOptions{})
	storetest.Same(t, folder(t, back), rounds)
	storetest.Whole(t, folder(t, back), len(rounds))

	damaged, err := filepath.Glob(filepath.Join(back, "samples", "*", "*", "2*"))
	if err != nil || len(damaged) == 0 {
		t.Fatal(err)
	}
	if err := os.Truncate(damaged[0], 1000); err != nil {
		t.Fatal(err)
	}
	moved := copied(t, folder(t, back), w.history(t, "s3://fleet/other", spool), history.SyncOptions{Move: true})
	if len(moved.Warnings) != 1 || !strings.Contains(moved.Warnings[0].Text, "not as it was written") {
		t.Fatalf("%+v", moved)
	}
	if left, err := filepath.Glob(filepath.Join(back, "*", "*", "*", "*")); err != nil || len(left) != 1 || left[0] != damaged[0] {
		t.Fatalf("here are still %v: %v", left, err)
	}
}

func folder(t *testing.T, dir string) *history.History {
	t.Helper()
	h, err := history.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func copied(t *testing.T, from, to *history.History, o history.SyncOptions) history.Synced {
	t.Helper()
	done, err := from.Sync(t.Context(), to, o)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// read has the bucket read by others: its files are those of the folder, byte by
// byte, and DuckDB counts in them what was measured. Its extension for S3 itself
// is not at hand everywhere, so it reads them where the server has them.
func read(t *testing.T, s *server, dir string, rounds int) {
	t.Helper()
	there := filepath.Join(s.dir, "buckets", "fleet", "history")
	files, err := filepath.Glob(filepath.Join(dir, "*", "*", "*", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(strings.Replace(file, dir, there, 1))
		if err != nil || string(got) != string(want) {
			t.Fatalf("%s is another in the bucket: %v", file, err)
		}
	}
	duck := duckDB(t, fmt.Sprintf(`SELECT count(DISTINCT round), count(*), sum(len(rtts_us)) FROM read_parquet('%s/samples/*/*/*.parquet', hive_partitioning = true) WHERE month = 10`, there))
	replies := 0
	for _, r := range made(rounds) {
		for _, s := range r.Samples {
			replies += len(s.RTTs)
		}
	}
	if want := [3]int{rounds, rounds * 8 * 7, replies}; duck != want {
		t.Errorf("DuckDB counts %v, want %v", duck, want)
	}
}
