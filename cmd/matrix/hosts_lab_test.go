package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lab"
	"matrix/report"
	"matrix/report/export"
)

// hosts runs matrix status or deploy and reads what it says of every host.
func (w *world) hosts(args ...string) (map[string]export.HostLine, session) {
	w.t.Helper()
	s := w.operator(append(args, "--format", "json")...)
	var said struct{ Hosts []export.HostLine }
	if err := json.Unmarshal([]byte(s.stdout), &said); err != nil {
		w.t.Fatalf("%v: %v\n%s\n%s", args, err, s.stdout, s.stderr)
	}
	all := map[string]export.HostLine{}
	for _, h := range said.Hosts {
		all[h.City] = h
	}
	return all, s
}

// in runs a command in a city, and returns what it says.
func (w *world) in(city, command string) string {
	w.t.Helper()
	out, text := capture(w.t)
	status, err := lab.Exec(w.t.Context(), w.Door, lab.Command{City: city, Argv: []string{command}, Stdout: out, Stderr: out})
	out.Close()
	if err != nil || status != 0 {
		w.t.Fatalf("%s: %s: status %d, %v: %s", city, command, status, err, text())
	}
	return text()
}

// disguised is matrix built for tests: its far side says of its clock and its
// version what the environment says.
func disguised(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "matrix")
	build := exec.Command("go", "build", "-trimpath", "-tags", "matrixtest", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func shellScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "shell")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestStatusOfTenCities: seven clocks, one host down, one that hangs, one of
// another version. The clocks change no round-trip time.
func TestStatusOfTenCities(t *testing.T) {
	clocks := map[string]struct {
		off   time.Duration
		level report.Level
	}{
		"m70": {-70 * time.Second, report.Failing}, "m30": {-30 * time.Second, report.Warn}, "m3": {-3 * time.Second, report.OK},
		"zero": {0, report.OK}, "p3": {3 * time.Second, report.OK}, "p30": {30 * time.Second, report.Warn}, "p70": {70 * time.Second, report.Failing},
	}
	config := ring("m70", "m30", "m3", "zero", "p3", "p30", "p70", "old", "down", "hanging")
	config.Routes = &lab.Routes{Cities: []lab.Fault{
		{Name: "down", Down: true},
		{Name: "hanging", Shell: shellScript(t, "exec sleep 1000")},
		{Name: "old", Shell: shellScript(t, `export MATRIX_TEST_VERSION=v0.9.0; exec /bin/sh "$@"`)},
	}}
	for name, clock := range clocks {
		config.Routes.Cities = append(config.Routes.Cities, lab.Fault{Name: name, Shell: shellScript(t, fmt.Sprintf(`export MATRIX_TEST_CLOCK=%v; exec /bin/sh "$@"`, clock.off))})
	}
	w := newWorld(t, config)
	program := disguised(t)
	all, s := w.hosts("status", "--remote-path", program)
	if s.status != exitSomeMissed || len(all) != 10 {
		t.Errorf("status %d, %d hosts\n%s", s.status, len(all), s.stderr)
	}
	t.Logf("status took %v", s.took)
	if most := 25 * time.Second; s.took > most {
		t.Errorf("it took %v, want at most %v: greetings have 15 s", s.took, most)
	}
	for name, clock := range clocks {
		h := all[name]
		if h.Clock != clock.level.String() || h.Status != clock.level.String() || h.Offset == nil {
			t.Errorf("%s is %s, its clock %s: %v", name, h.Status, h.Clock, h.Problems)
			continue
		}
		if miss := *h.Offset - clock.off.Seconds(); miss > *h.Uncertainty || miss < -*h.Uncertainty || *h.Uncertainty > 1 {
			t.Errorf("%s: %.6f ± %.6f s, want %v", name, *h.Offset, *h.Uncertainty, clock.off)
		}
		t.Logf("%s: %+.6f ± %.6f s, %s", name, *h.Offset, *h.Uncertainty, h.Clock)
		if h.Ping == "no" || h.SelfMs == nil || h.Stamps == "" || h.CPUs == 0 || h.Load == nil {
			t.Errorf("%s: %+v", name, h)
		}
	}
	for name, words := range map[string]string{"down": "connect: ", "hanging": "no greeting within 15s", "old": "it runs matrix v0.9.0, this is "} {
		if h := all[name]; h.Status == "OK" || !strings.Contains(strings.Join(h.Problems, ";"), words) {
			t.Errorf("%s is %s: %v, want %q", name, h.Status, h.Problems, words)
		}
	}
	w.clocksChangeNothing(program, config)
}

// clocksChangeNothing measures the hosts with clocks: the round-trip times are
// those of the network, the dates the coordinator's, and the header has the
// offsets.
func (w *world) clocksChangeNothing(program string, config lab.Config) {
	w.t.Helper()
	names := "m70,m30,m3,zero,p3,p30,p70"
	began := time.Now()
	s := w.operator("--remote-path", program, "-c", "4", "-i", "300ms", "--trace", "none", "--from", names, "--to", names, "--out", w.path("out"))
	round := w.round(w.path("out"))
	if round.Count(probe.Measured) != 42 {
		w.t.Errorf("%d of 42 pairs measured\n%s", round.Count(probe.Measured), s.stderr)
	}
	for i := range round.Samples {
		sample := &round.Samples[i]
		if len(sample.RTTs) == 0 {
			continue // counted above
		}
		least := slices.Min(sample.RTTs)
		if want := config.RTT[sample.Pair]; least < want || least > want+100*time.Millisecond {
			w.t.Errorf("%v: %v, want %v", sample.Pair, least, want)
		}
		if sample.At.Before(began) || sample.At.After(time.Now()) {
			w.t.Errorf("%v was measured at %v", sample.Pair, sample.At)
		}
	}
	for _, h := range round.Hosts {
		if h.Health.OffsetError <= 0 || h.Health.OffsetError > time.Second {
			w.t.Errorf("%s: its clock is known to ±%v", h.City, h.Health.OffsetError)
		}
	}
}

// TestDeployTwice: bare hosts get the program, and the second time nothing
// happens.
func TestDeployTwice(t *testing.T) {
	w := newWorld(t, ring("one", "two", "three"))
	all, s := w.hosts("deploy", "--check")
	for name, h := range all {
		if h.Status != "ERROR" || !strings.Contains(strings.Join(h.Problems, ""), "matrix is missing there") {
			t.Errorf("a bare host, %s: %+v", name, h)
		}
	}
	if files := w.in("one", "ls -A"); s.status != exitSomeMissed || files != "" {
		t.Errorf("--check: status %d, and left %q", s.status, files)
	}
	all, s = w.hosts("deploy")
	for name, h := range all {
		if h.Status != "OK" || !strings.HasPrefix(h.Deployed, "put there, linux/") {
			t.Errorf("%s: %+v", name, h)
		}
	}
	if s.status != exitMeasured || !strings.Contains(s.stderr, `restrict,command=".cache/matrix/matrix probe --allow 198.18.`) {
		t.Errorf("status %d, %s", s.status, s.stderr)
	}
	before := w.in("two", "stat -c '%n %i %z' .cache/matrix/*")
	if lines := strings.Count(before, "\n"); lines != 2 {
		t.Errorf("on the host are\n%s", before)
	}
	all, s = w.hosts("deploy")
	for name, h := range all {
		if h.Status != "OK" || !strings.HasPrefix(h.Deployed, "there already, ") {
			t.Errorf("again, %s: %+v", name, h)
		}
	}
	if _, s = w.hosts("deploy", "--check"); s.status != exitMeasured {
		t.Errorf("--check now: status %d", s.status)
	}
	inodes := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			all = append(all, strings.Join(strings.Fields(line)[:2], " "))
		}
		return all
	}
	if after := w.in("two", "stat -c '%n %i %z' .cache/matrix/*"); fmt.Sprint(inodes(after)) != fmt.Sprint(inodes(before)) {
		t.Errorf("the files were replaced:\n%s\n%s", before, after)
	}
	// What somebody changed is put right.
	w.in("three", "rm .cache/matrix/matrix; echo broken >.cache/matrix/matrix; chmod +x .cache/matrix/matrix")
	if all, _ = w.hosts("deploy", "three"); len(all) != 1 || !strings.HasPrefix(all["three"].Deployed, "put there") {
		t.Errorf("a broken one: %+v", all)
	}
}

// TestForcedCommand: under exactly the line that deploy prints all but putting
// the program there works, and nothing else does.
func TestForcedCommand(t *testing.T) {
	w := newWorld(t, ring("one", "two", "three", "outside"))
	s := w.operator("deploy", "one", "--remote-path", w.program, "--allow", "198.18.0.0/15", "--key", w.Folder+"/user_key.pub")
	_, line, ok := strings.Cut(s.stderr, "(see matrix probe --help):\n")
	if !ok || s.status != exitMeasured {
		t.Fatalf("status %d, no line:\n%s%s", s.status, s.stdout, s.stderr)
	}
	t.Log(line)
	outside := w.address("outside")
	line = strings.Replace(line, "--allow 198.18.0.0/15", "--allow "+w.address("one")+","+w.address("two")+","+w.address("three"), 1)
	w.in("three", "cat >../authorized_keys <<'END'\n"+line+"END\n")

	if all, s := w.hosts("status"); all["three"].Status != "OK" || all["three"].Ping == "no" {
		t.Errorf("status: %+v\n%s", all["three"], s.stderr)
	}
	for _, flags := range [][]string{{"deploy", "three"}, {"deploy", "three", "--check"}} {
		if all, s := w.hosts(flags...); s.status != exitMeasured || all["three"].Deployed != "forced command" {
			t.Errorf("%v: status %d, %+v\n%s", flags, s.status, all["three"], s.stderr)
		}
	}
	s = w.operator("-c", "3", "-i", "300ms", "--from", "three", "--trace", "none", "--out", w.path("out"))
	expectations{pairs: map[probe.Pair]expectation{
		{From: "three", To: "outside"}: {probe.SourceDown, "refused by the host: " + outside + " is outside the networks that it allows"},
	}}.checkRow(t, w.round(w.path("out")), 3)
	if !strings.Contains(s.stdout, "refused by the host") {
		t.Errorf("the output does not say so:\n%s", s.stdout)
	}
	if s = w.operator("trace", "three", "one"); s.status != exitMeasured {
		t.Errorf("trace: status %d\n%s%s", s.status, s.stdout, s.stderr)
	}
	if s = w.operator("trace", "three", "outside"); !strings.Contains(s.stdout, "refused by the") {
		t.Errorf("trace of another network:\n%s%s", s.stdout, s.stderr)
	}
	// More than the line's 250 a second, whatever the coordinator says.
	s = w.operator("-c", "3", "-i", "10ms", "--rate", "100000", "--from", "three", "--trace", "none", "--out", w.path("fast"))
	for _, sample := range w.round(w.path("fast")).Samples {
		if sample.State != probe.SourceDown || !strings.Contains(sample.Reason, "it allows 250") {
			t.Errorf("%v is %v (%s)", sample.Pair, sample.State, sample.Reason)
		}
	}
	w.nothingElseRuns("three")
}

// address is a city's, in the lab.
func (w *world) address(city string) string {
	w.t.Helper()
	addr := strings.Fields(w.in(city, "getent ahostsv4 "+city+".lab.example"))
	if len(addr) == 0 {
		w.t.Fatalf("%s has no address", city)
	}
	return addr[0]
}

// nothingElseRuns asks a host for what an attacker with the key would.
func (w *world) nothingElseRuns(city string) {
	w.t.Helper()
	for _, command := range []string{
		"touch ../caught", "", "exec /bin/sh -c 'touch ../caught' matrix-start", "exec /bin/sh -c 'touch ../caught' matrix-install x",
		"exec /bin/sh -c 'touch ../caught' matrix-look; touch ../caught", "internal-sftp",
	} {
		script := "ssh -o ControlPath=none " + city + ".lab.example " + quoted(command) + " </dev/null; true"
		if command == "internal-sftp" {
			script = "echo 'put /etc/hostname ../caught' | sftp -b - -o ControlPath=none " + city + ".lab.example; true"
		}
		out, text := capture(w.t)
		_, err := lab.Exec(w.t.Context(), w.Door, lab.Command{City: lab.Operator, Argv: []string{script}, Stdout: out, Stderr: out})
		out.Close()
		said := text()
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Logf("%q: %s", command, strings.TrimSpace(said))
		if left := w.in(city, "ls .."); strings.Contains(left, "caught") {
			w.t.Fatalf("%q was run", command)
		}
		if command == "touch ../caught" && !strings.Contains(said, "this key is for matrix alone") {
			w.t.Errorf("%q was not refused: %s", command, said)
		}
	}
}

func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// checkRow is check for a round of one row.
func (e expectations) checkRow(t *testing.T, round *probe.Round, pairs int) {
	t.Helper()
	if round.Planned() != pairs {
		t.Errorf("%d pairs, want %d", round.Planned(), pairs)
	}
	for _, s := range round.Samples {
		want := expectation{state: probe.Measured}
		if pair, ok := e.pairs[s.Pair]; ok {
			want = pair
		}
		if s.State != want.state || !strings.Contains(s.Reason, want.reason) {
			t.Errorf("%v is %v (%s), want %v (%s)", s.Pair, s.State, s.Reason, want.state, want.reason)
		}
	}
}
