package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// TestRehearsal does what docs/operating.md tells a newcomer to do first, word by
// word: from ten hostnames to a service with a site.
func TestRehearsal(t *testing.T) {
	onlyIfLong(t)
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin")
	lacktest.Programs(t, "sshd", "ssh", "curl")
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## A rehearsal\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile(`(?m)(?:^    .*\n)+`).FindAllString(section, -1)
	if len(blocks) != 2 || strings.TrimSpace(blocks[0]) != "matrix lab --sshd -- sh" {
		t.Fatalf("the commands of the rehearsal are not where they were: %q", blocks)
	}
	script := "set -e\n" + blocks[1] + "until [ -e site/last/index.html ]; do sleep 0.1; done\n"

	folder, said := t.TempDir(), ""
	for try := 1; ; try++ {
		if said, err = rehearse(t, folder, script); err == nil {
			break
		}
		// Ten hosts on this one machine, if it is busy, take longer to answer than
		// hosts of their own ever would.
		busy := strings.Contains(said, " within 15s")
		if strings.Contains(said, "making namespaces is not allowed") || busy && try == 3 {
			lacktest.Skip(t, said)
		}
		if !busy {
			t.Fatalf("%v\n%s", err, said)
		}
		folder = t.TempDir()
	}
	for _, line := range []string{
		"wrote cities.csv: 10 cities",
		"10 hosts: 10 OK, 0 WARNING, 0 ERROR",
		"90 of 90 pairs measured",
		"finding: detour over Paris",
		`"status": "ok"`,
	} {
		if !strings.Contains(said, line) {
			t.Errorf("nothing says %q:\n%s", line, said)
		}
	}
	for _, path := range []string{"first/index.html", "site/index.html", "history/samples"} {
		if _, err := os.Stat(filepath.Join(folder, "rehearsal", path)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, ".local/share/matrix/history")); err == nil {
		t.Error("what was rehearsed is in the real history")
	}
}

// rehearse runs a script in the shell of the rehearsal.
func rehearse(t *testing.T, folder, script string) (said string, err error) {
	t.Helper()
	program := built(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "lab", "--sshd", "--", "sh", "-c", script)
	// That ten copies of the program are made is the business of TestDeployTwice.
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "HOME="+folder, "MATRIX_REMOTE_PATH="+program)
	began := time.Now()
	out, err := cmd.CombinedOutput()
	t.Logf("it took %v", time.Since(began))
	return string(out), err
}
