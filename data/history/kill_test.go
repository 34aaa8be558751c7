package history_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/data/history"
)

// TestMain makes the test binary a writer that waits to be killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("MATRIX_TEST_WRITE"); dir != "" {
		if err := writeForEver(dir, os.Getenv("MATRIX_TEST_FIRST")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writeForEver saves round after round, and says so when each is saved. After
// every fourth it compacts the month.
func writeForEver(dir, first string) error {
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	h, err := history.Open(dir)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for ; ; n++ {
		saved, err := h.Save(context.Background(), made(october.Add(time.Duration(n)*time.Minute), 3, 2, uint64(n)))
		if err != nil {
			return err
		}
		fmt.Println(saved.ID)
		if n%4 != 3 {
			continue
		}
		if _, err := h.Compact(context.Background(), history.MonthOf(october), nil); err != nil {
			return err
		}
	}
}

// kills is at how many moments the writer is killed; cmd/matrix kills the whole
// program at a hundred.
func kills() int {
	if os.Getenv("MATRIX_TEST_REQUIRE") != "" && !testing.Short() {
		return 60
	}
	return 20
}

// TestKilled kills a program that saves and compacts at random moments. No
// round that it had finished is lost, none is there twice, and all that is
// there is whole.
func TestKilled(t *testing.T) {
	h := open(t)
	finished := make(map[string]bool)
	random := rand.New(rand.NewPCG(7, 7))
	for kill := range kills() {
		first := len(finished) + kill // one that was not finished may be there
		for _, id := range killedWriter(t, h.Dir(), first, time.Duration(random.IntN(60_000))*time.Microsecond) {
			finished[id] = true
		}
		ids, err := again(t, h).IDs(t.Context(), october, october.AddDate(0, 1, 0))
		if err != nil {
			t.Fatal(err)
		}
		there := make(map[string]bool)
		for _, id := range ids {
			if there[id] {
				t.Fatalf("round %s is there twice", id)
			}
			there[id] = true
		}
		for id := range finished {
			if !there[id] {
				t.Fatalf("after kill %d round %s is lost", kill, id)
			}
		}
		if kill%20 == 19 {
			verified(t, h, len(ids))
		}
	}
	compact(t, again(t, h))
	found := verified(t, h, found(t, h))
	t.Logf("%d rounds were finished, %d are there", len(finished), found.Rounds)
}

// found is how many rounds there are.
func found(t *testing.T, h *history.History) int {
	t.Helper()
	ids, err := again(t, h).IDs(t.Context(), october, october.AddDate(0, 1, 0))
	if err != nil {
		t.Fatal(err)
	}
	return len(ids)
}

// killedWriter lets a writer live for so long after it began, and returns the
// rounds that it said were saved.
func killedWriter(t *testing.T, dir string, first int, life time.Duration) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MATRIX_TEST_WRITE="+dir, "MATRIX_TEST_FIRST="+strconv.Itoa(first))
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatalf("the writer said nothing: %v, %s", cmd.Wait(), talk.String())
	}
	timer := time.AfterFunc(life, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	var ids []string
	for lines.Scan() {
		ids = append(ids, lines.Text())
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the writer ended by itself: %v, %s", err, talk.String())
	}
	return ids
}
