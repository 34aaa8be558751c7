package site_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/site"
)

// single is an edition of one round, with a title that all its pages have.
func single(name, title string) *site.Edition {
	return &site.Edition{Name: name, Title: title, Report: report.New(reporttest.Measured(), report.Options{Stat: report.Avg})}
}

// tree are the files below a folder, with a fingerprint of each.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		files[name] = fmt.Sprintf("%x", sha256.Sum256(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func same(a, b map[string]string) bool { return fmt.Sprint(a) == fmt.Sprint(b) }

func TestRepeated(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	write(t, dir, edition(t, 15, time.October, 6*time.Hour))
	once := tree(t, dir)
	write(t, dir, edition(t, 15, time.October, 6*time.Hour))
	if !same(once, tree(t, dir)) {
		t.Error("the same edition gives other bytes when it is written again")
	}
	other := filepath.Join(t.TempDir(), "site")
	write(t, other, edition(t, 15, time.October, 6*time.Hour))
	if !same(once, tree(t, other)) {
		t.Error("the same edition gives other bytes elsewhere")
	}
}

// TestMonths adds months in any order: all are there, and lead to each other.
func TestMonths(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	for _, month := range []string{"2026-08", "2026-10", "2026-09"} {
		write(t, dir, single(month, "Month "+month))
	}
	for file, wants := range map[string][]string{
		"index.html":         {`href="2026-08/index.html"`, `href="2026-10/index.html"`},
		"2026-08/index.html": {`href="../2026-09/index.html" rel="next"`, "Month 2026-08"},
		"2026-09/index.html": {`href="../2026-08/index.html" rel="prev"`, `href="../2026-10/index.html" rel="next"`},
		"2026-10/index.html": {`href="../2026-09/index.html" rel="prev"`},
	} {
		text, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not contain %s", file, want)
			}
		}
	}
	noLeftovers(t, dir)
}

// noLeftovers looks for hidden folders beside a site.
func noLeftovers(t testing.TB, dir string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s is left over", e.Name())
		}
	}
}

// TestOthersFilesStay: what the site did not make is not its to remove.
func TestOthersFilesStay(t *testing.T) {
	for name, prepare := range map[string]func() func(){"exchange": func() func() { return func() {} }, "two renames": site.WithoutExchange} {
		t.Run(name, func(t *testing.T) {
			defer prepare()()
			dir := filepath.Join(t.TempDir(), "site")
			write(t, dir, single("2026-10", "October"))
			others := map[string]string{"CNAME": "example.net", "2026-10/mine.txt": "mine", ".well-known/a/b": "c"}
			for file, text := range others {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 {
				write(t, dir, single("2026-10", "October, again"))
				write(t, dir, single("2026-11", "November"))
			}
			for file, want := range others {
				if text, err := os.ReadFile(filepath.Join(dir, file)); err != nil || string(text) != want {
					t.Errorf("%s: %q, %v", file, text, err)
				}
			}
			noLeftovers(t, dir)
		})
	}
}

// TestStalePagesGo: a page that a new edition does not have is not left behind.
func TestStalePagesGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	e := single("2026-10", "October")
	e.AllPairs = true
	write(t, dir, e)
	before := len(tree(t, dir))
	write(t, dir, single("2026-10", "October"))
	if after := len(tree(t, dir)); after >= before {
		t.Errorf("%d files with all pairs, and %d without", before, after)
	}
}

func TestForeignFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	err := site.Write(context.Background(), dir, single("2026-10", "October"), nil)
	if err == nil || !strings.Contains(err.Error(), "not empty") || !strings.Contains(err.Error(), ".matrix-site") {
		t.Errorf("want what to do, not %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".matrix-site"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	err = site.Write(context.Background(), dir, single("2026-10", "October"), nil)
	if err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("want the name of the file that is in the way, not %v", err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "index.html")); err != nil || string(text) != "mine" {
		t.Errorf("somebody else's file is now %q, %v", text, err)
	}
}

func TestBadNames(t *testing.T) {
	for _, name := range []string{"", "..", "a/b", "2026-10/", "A", ".x"} {
		if err := site.Write(context.Background(), filepath.Join(t.TempDir(), "site"), single(name, ""), nil); err == nil {
			t.Errorf("a folder may be called %q", name)
		}
	}
	for _, name := range []string{"", "../x", "a/b", ".hidden", ".."} {
		e := single("2026-10", "")
		e.Files = []site.File{{Name: name}}
		if err := site.Write(context.Background(), filepath.Join(t.TempDir(), "site"), e, nil); err == nil {
			t.Errorf("a file may be called %q", name)
		}
	}
}

// TestKilled kills a process that publishes one edition after the other, at
// random moments: the site is always one of them, whole.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("SITE_TO_WRITE"); dir != "" {
		for i := 0; ; i++ {
			write(t, dir, single("2026-10", "Edition "+[]string{"one", "two"}[i%2]))
		}
	}
	kills := 40
	if testing.Short() {
		kills = 5
	}
	dir := filepath.Join(t.TempDir(), "site")
	whole := map[string]map[string]string{}
	for _, edition := range []string{"one", "two"} {
		write(t, dir, single("2026-10", "Edition "+edition))
		whole[edition] = tree(t, dir)
	}
	random := rand.New(rand.NewPCG(5, 5))
	for i := range kills {
		child := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		child.Env = append(os.Environ(), "SITE_TO_WRITE="+dir)
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the moment is what is tried
		if err := child.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		child.Wait()
		if now := tree(t, dir); !same(now, whole["one"]) && !same(now, whole["two"]) {
			t.Fatalf("kill %d: the site is neither of the two editions; %d files", i, len(now))
		}
	}
	write(t, dir, single("2026-10", "Edition one"))
	if !same(tree(t, dir), whole["one"]) {
		t.Error("after the kills the site is not what is written")
	}
	noLeftovers(t, dir)
}

// TestHostileSite looks for anything but text where hostile text was put in.
func TestHostileSite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	write(t, dir, &site.Edition{Name: "2026-10", Title: reporttest.HostileTexts[0], AllPairs: true, Traces: reporttest.Traces(),
		Report: report.New(reporttest.Hostile(), report.Options{Stat: report.Avg})})
	bad := regexp.MustCompile("<script(?: |>)[^s]|<script>|<img src=x|onerror=alert\\(1\\)>|href=\"javascript|\x1b|\u202e|\u2066|\u200b|\u009b|http://|https://[^Y]")
	for name := range tree(t, dir) {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if at := bad.Find(text); at != nil {
			t.Errorf("%s contains %q", name, at)
		}
	}
}
