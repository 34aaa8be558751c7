package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// The demo, as root and as an ordinary user.
func TestDemo(t *testing.T) {
	onlyIfLong(t)
	t.Run("as this user", func(t *testing.T) { checkDemo(t, nil) })
	t.Run("as an ordinary user", func(t *testing.T) {
		if os.Getuid() != 0 {
			t.Log("this user is one; the other half of the test has seen it")
			return
		}
		const nobody = 65534
		checkDemo(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}})
	})
}

func checkDemo(t *testing.T, as *syscall.SysProcAttr) {
	folder, err := os.MkdirTemp("", "matrix-demo-test-") // t.TempDir's parents are closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(folder)
	if as != nil {
		if err := os.Chown(folder, int(as.Credential.Uid), int(as.Credential.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	program := built(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "demo")
	cmd.Dir, cmd.SysProcAttr = folder, as
	cmd.Env = append(os.Environ(), "HOME="+folder)
	began := time.Now()
	said, err := cmd.CombinedOutput()
	if err != nil {
		if strings.Contains(string(said), "making namespaces is not allowed") {
			lacktest.Skip(t, string(said))
		}
		t.Fatalf("%v\n%s", err, said)
	}
	t.Logf("it took %v", time.Since(began))
	for _, line := range []string{
		"90 of 90 pairs measured",
		" ms for 169 miles: 1.", // % of fibre, on a busy machine less than the published 1.6
		"matrix-demo/index.html",
		"Looked into: Baltimore → New York",
		"detour over Paris (hop 5 of Baltimore → New York), +7,263 miles beside 169 direct: confirmed",
	} {
		if !strings.Contains(strings.Join(strings.Fields(string(said)), " "), line) {
			t.Errorf("it does not say %q:\n%s", line, said)
		}
	}
	checkAccuracy(t, filepath.Join(folder, "matrix-demo/round.json"))
	checkAgain(t, filepath.Join(folder, "matrix-demo"))
}

// checkAgain makes the files again of the round alone, traces and maps included.
func checkAgain(t *testing.T, saved string) {
	t.Helper()
	again := t.TempDir()
	if _, talk, status := matrix(t, "--in", filepath.Join(saved, "round.json"), "--out", again); status != exitMeasured {
		t.Fatalf("status %d: %s", status, talk)
	}
	for _, name := range []string{"round.json", "index.html", "traces.json", "matrix.md", "pairs.csv"} {
		first, err := os.ReadFile(filepath.Join(saved, name))
		if err != nil {
			t.Fatal(err)
		}
		second, err := os.ReadFile(filepath.Join(again, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(first, second) {
			t.Errorf("%s is another one when it is made of round.json", name)
		}
	}
}

// checkAccuracy compares a round of the demo with the published table. The
// minimum must be right even on a busy machine, where the lab and the pinger
// wait for their turn; the average, which the demo prints, is logged.
func checkAccuracy(t *testing.T, path string) {
	t.Helper()
	want := readTable(t, published(t, "ping-ms.csv"))
	for _, stat := range []string{"min", "avg"} {
		out, talk, status := matrix(t, "--in", path, "--metric", "rtt", "--format", "csv", "--stat", stat)
		if status != exitMeasured {
			t.Fatalf("status %d: %s", status, talk)
		}
		got := table(t, out)
		var off []float64
		for pair, w := range want {
			off = append(off, math.Abs(got[pair]-w))
		}
		slices.Sort(off)
		t.Logf("%s is off the published figures by %.3f ms in the median, %.3f ms at most", stat, off[len(off)/2], off[len(off)-1])
		if stat == "min" {
			compare(t, got, want, func(w float64) float64 { return max(1, 0.01*w) })
		}
	}
}
