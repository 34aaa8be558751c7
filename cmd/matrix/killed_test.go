package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/data/history"
	"matrix/report"
	"matrix/report/reporttest"
)

// killedAt says what a test binary does that is to be killed: "save", "compact"
// or "report"; the folder and the first round's number follow.
const killedAt = "MATRIX_TEST_KILL"

// workForEver does the same again and again, and says so each time it is done.
func workForEver(what, dir string, first int) error {
	ctx := context.Background()
	h, err := history.Open(filepath.Join(dir, "history"))
	if err != nil {
		return err
	}
	season := reporttest.NewSeason(3, 7, report.MonthSpan(2026, time.October), time.Minute)
	season.Full = 2
	save := func(n int) error {
		saved, err := h.Save(ctx, season.Round(n))
		if err == nil {
			fmt.Println("saved", saved.ID)
		}
		return err
	}
	do := map[string]func(n int) error{
		"save": save,
		"compact": func(n int) error {
			return errors.Join(save(n), command(ctx, "compact", "--month", "2026-10", "--history", h.Dir()))
		},
		"report": func(n int) error {
			stat := []string{"avg", "min"}[n%2] // so that two editions can be told apart
			return command(ctx, "report", "--month", "2026-10", "--history", h.Dir(), "--out", filepath.Join(dir, "site"), "--stat", stat)
		},
	}[what]
	fmt.Println("ready")
	for n := first; ; n++ {
		if err := do(n); err != nil {
			return err
		}
		fmt.Println("done")
	}
}

// command is the program, of which nothing but an error is said.
func command(ctx context.Context, args ...string) error {
	var talk strings.Builder
	if status := run(ctx, args, streams{strings.NewReader(""), io.Discard, &talk}); status != exitMeasured {
		return fmt.Errorf("%q ended with %d: %s", args, status, talk.String())
	}
	return nil
}

// victim is a program that works for ever in another process.
type victim struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	talk  *strings.Builder
}

func startVictim(t *testing.T, what, dir string, first int) *victim {
	t.Helper()
	v := &victim{cmd: exec.Command(os.Args[0]), talk: &strings.Builder{}}
	v.cmd.Env = append(os.Environ(), killedAt+"="+what, "MATRIX_TEST_KILL_DIR="+dir, "MATRIX_TEST_KILL_FIRST="+strconv.Itoa(first))
	v.cmd.Stderr = v.talk
	out, err := v.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	v.lines = bufio.NewScanner(out)
	v.await(t, "ready")
	return v
}

// await reads until a line is there, and returns the rounds that were saved.
func (v *victim) await(t *testing.T, line string) (saved []string) {
	t.Helper()
	for v.lines.Scan() {
		if id, ok := strings.CutPrefix(v.lines.Text(), "saved "); ok {
			saved = append(saved, id)
		}
		if v.lines.Text() == line {
			return saved
		}
	}
	t.Fatalf("it ended before it said %q: %v, %s", line, v.cmd.Wait(), v.talk)
	return nil
}

// kill ends it at once, so long from now, and returns the rounds that it had
// saved, and how long it took to be done for the first time; 0: it was not.
func (v *victim) kill(t *testing.T, after time.Duration) (saved []string, took time.Duration) {
	t.Helper()
	begin := time.Now()
	timer := time.AfterFunc(after, func() { _ = v.cmd.Process.Kill() })
	defer timer.Stop()
	for v.lines.Scan() {
		if id, ok := strings.CutPrefix(v.lines.Text(), "saved "); ok {
			saved = append(saved, id)
		}
		if v.lines.Text() == "done" && took == 0 {
			took = time.Since(begin)
		}
	}
	var exit *exec.ExitError
	if err := v.cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("it ended by itself: %v, %s", err, v.talk)
	}
	return saved, took
}

// kills are at how many moments each kind of work is killed: a hundred in all,
// beside the 60 of data/history and the 40 of report/site, which kill its parts.
func kills() map[string]int {
	if os.Getenv("MATRIX_TEST_REQUIRE") != "" {
		return map[string]int{"save": 40, "compact": 40, "report": 20}
	}
	return map[string]int{"save": 6, "compact": 6, "report": 6}
}

// TestKilledAnywhere kills the program at random moments of saving, compacting
// and reporting, all in one history. No round that it had said was saved is lost,
// none is there twice, all that is there is whole, and what is published is the
// whole of one edition.
func TestKilledAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("kills a program a hundred times")
	}
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(9, 9))
	var order []string
	finished := make(map[string]bool)
	lasts := make(map[string]time.Duration) // what each kind of work takes here
	done := make(map[string]int)            // how often it came to an end before it was killed
	next := 0                               // number of the next round
	for _, what := range []string{"save", "compact", "report"} {
		for range kills()[what] {
			order = append(order, what)
		}
		v := startVictim(t, what, dir, next)
		begin := time.Now()
		for _, id := range v.await(t, "done") {
			finished[id] = true
		}
		lasts[what] = time.Since(begin)
		saved, _ := v.kill(t, 0)
		for _, id := range saved {
			finished[id] = true
		}
		next = len(finished) + 10
	}
	random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	editions := make(map[string]bool)
	for i, what := range order {
		v := startVictim(t, what, dir, next)
		after := time.Duration(2 * random.Float64() * float64(lasts[what]))
		saved, took := v.kill(t, after)
		for _, id := range saved {
			finished[id] = true
		}
		if took > 0 {
			done[what]++
			lasts[what] = took
		} else {
			lasts[what] = max(lasts[what], after) // there are more rounds now
		}
		next = len(finished) + i + 10 // of each kill one may be there that was not finished
		wholeHistory(t, dir, finished)
		editions[wholeSite(t, filepath.Join(dir, "site"))] = true
		if i%25 == 24 || i == len(order)-1 {
			says(t, exitMeasured, []string{"are whole"}, "verify", "--history", filepath.Join(dir, "history"))
		}
	}
	t.Logf("%d kills: %d rounds were finished, %d editions were seen; done before the kill: %v; the last took %v", len(order), len(finished), len(editions), done, lasts)
}

// wholeHistory looks for all rounds that were finished, each once.
func wholeHistory(t *testing.T, dir string, finished map[string]bool) {
	t.Helper()
	h, err := history.Open(filepath.Join(dir, "history"))
	if err != nil {
		t.Fatal(err)
	}
	span := report.MonthSpan(2026, time.October)
	ids, err := h.IDs(t.Context(), span.From, span.To)
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
			t.Fatalf("round %s is lost", id)
		}
	}
	if problems := h.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
}

var method = regexp.MustCompile(`<footer class="method">.*</footer>`)

// wholeSite reads a site: all files that it names are there and no others, all
// pages of the month end as they should and are of one edition, which it returns.
func wholeSite(t *testing.T, dir string) string {
	t.Helper()
	mark, err := os.ReadFile(filepath.Join(dir, ".matrix-site"))
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]bool)
	for _, name := range strings.Split(strings.TrimSpace(string(mark)), "\n")[1:] {
		named[name] = true
	}
	delete(named, ".matrix-site")
	edition := ""
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == ".matrix-site" {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if !named[filepath.ToSlash(name)] {
			t.Fatalf("%s is there, and the site does not know it", name)
		}
		delete(named, filepath.ToSlash(name))
		if filepath.Ext(name) != ".html" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if !strings.HasSuffix(string(text), "</html>\n") {
			t.Fatalf("%s ends too early", name)
		}
		if mine := method.FindString(string(text)); mine != "" {
			if edition != "" && edition != mine {
				t.Fatalf("%s is of another edition than the rest:\n%s\n%s", name, mine, edition)
			}
			edition = mine
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(named) > 0 || edition == "" {
		t.Fatalf("these files are missing: %v; edition %q", named, edition)
	}
	return edition
}
