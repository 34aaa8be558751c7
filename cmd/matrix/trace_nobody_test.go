package main

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"matrix/probe"
	"matrix/probe/lacktest"
)

// An ordinary user traces in every way; without ping sockets, with datagrams.
func TestTraceAsNobody(t *testing.T) {
	w := trickyWorld(t)
	for _, method := range []string{"icmp", "udp", "tcp"} {
		status, text := w.asNobody("a", "c", "--method", method)
		if status != exitMeasured || !strings.Contains(text, "Reached in 5 hops") || !strings.Contains(text, strings.ToUpper(method)+", 3 probes") {
			t.Errorf("%s: status %d\n%s", method, status, text)
		}
	}
	if os.Getuid() != 0 {
		t.Log("only root can take ping sockets away")
		return
	}
	if status, text := w.inCity("a", "echo 1 0 > /proc/sys/net/ipv4/ping_group_range"); status != 0 {
		t.Fatal(text)
	}
	status, text := w.asNobody("a", "c", "--method", "icmp")
	if status != exitMeasured || !strings.Contains(text, "UDP probes, since") || !strings.Contains(text, "UDP, 3 probes") {
		t.Errorf("no ping sockets: status %d\n%s", status, text)
	}
}

// ofACity is matrix trace in a city itself.
func (w *world) ofACity(city, to string, args ...string) []string {
	argv := append([]string{w.program, "trace", "--cities", w.path("cities.csv"), "--one-way", "-i", "300ms"}, args...)
	return append(argv, city, to)
}

// asNobody traces in a city itself, without any privilege.
func (w *world) asNobody(city, to string, args ...string) (int, string) {
	w.t.Helper()
	return w.inCity(city, w.nobody(w.ofACity(city, to, args...)...)...)
}

// nobody makes a command one of an ordinary user, without any capability. In
// the lab of an ordinary user every command is.
func (w *world) nobody(argv ...string) []string {
	w.t.Helper()
	if os.Getuid() != 0 {
		return argv
	}
	lacktest.Programs(w.t, "setpriv")
	for _, folder := range []string{w.folder, filepath.Dir(w.folder)} {
		if err := os.Chmod(folder, 0o755); err != nil {
			w.t.Fatal(err)
		}
	}
	return append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
		"--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all"}, argv...)
}

// Nobody, without any capability, sees the routers that root sees, and the same
// times.
func TestTraceAsNobodyIsAsRoot(t *testing.T) {
	if os.Getuid() != 0 {
		lacktest.Skip(t, "only root can compare itself with nobody")
	}
	config, err := demoLab()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, config)
	_, said := w.inCity("paris", w.nobody("grep", "-E", "^(Uid|Cap(Inh|Prm|Eff|Amb)):", "/proc/self/status")...)
	if strings.Count(said, "\t0000000000000000\n") != 4 || !strings.Contains(said, "Uid:\t65534\t65534\t65534") {
		t.Fatalf("nobody has privileges:\n%s", said)
	}
	type run struct {
		probe.Pair
		method string
	}
	var runs []run
	for i, c := range config.Cities {
		to := config.Cities[(i+3)%len(config.Cities)]
		for _, method := range []string{"icmp", "udp", "tcp"} {
			runs = append(runs, run{probe.Pair{From: c.Name, To: to.Name}, method})
		}
	}
	off := make([]float64, len(runs))
	inParallel(6, len(runs), func(i int) {
		r := runs[i]
		var root, nobody []float64
		// A busy machine adds to times, and seldom to all: the least are compared.
		for range 4 {
			status, text := w.inCity(r.From, w.ofACity(r.From, r.To, "--json", "--method", r.method)...)
			asRoot := w.onlyReport(status, text)
			asNobody := w.onlyReport(w.asNobody(r.From, r.To, "--json", "--method", r.method))
			if !slices.Equal(asRoot.addresses(), asNobody.addresses()) || asRoot.Report.Matrix != asNobody.Report.Matrix {
				t.Errorf("%v: root saw %q (%+v), nobody %q (%+v)", r, asRoot.addresses(), asRoot.Report.Matrix, asNobody.addresses(), asNobody.Report.Matrix)
				return
			}
			root, nobody = least(root, asRoot), least(nobody, asNobody)
			if off[i] = apart(root, nobody); off[i] <= 1 {
				return
			}
		}
		t.Errorf("%v: root measured %.3f ms, nobody %.3f", r, root, nobody)
	})
	t.Logf("%d traces as root and as nobody: the same routers, and times that differ by %.3f ms at most", len(runs), slices.Max(off))
}

// onlyReport reads the one report of a traceroute that reached its target.
func (w *world) onlyReport(status int, text string) mtrTrace {
	w.t.Helper()
	if status == exitMeasured {
		if all := w.reports(text); len(all) == 1 {
			return all[0]
		}
	}
	w.t.Errorf("status %d, and not one report:\n%s", status, text)
	return mtrTrace{}
}

// least is the least time to each hop, in ms, of those before and of a trace.
func least(before []float64, m mtrTrace) []float64 {
	all := make([]float64, len(m.Report.Hubs))
	for i, h := range m.Report.Hubs {
		all[i] = h.Best
		if i < len(before) {
			all[i] = min(all[i], before[i])
		}
	}
	return all
}

// apart is by how much two lists of times differ at most.
func apart(a, b []float64) (most float64) {
	for i := range a {
		most = max(most, math.Abs(a[i]-b[i]))
	}
	return most
}
