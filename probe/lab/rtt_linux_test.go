package lab

import (
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/lacktest"
)

// journey is an echo request and its reply, as the ledger has them, in ms.
type journey struct{ planned, given float64 }

// journeys reads the ledger: the round trips of every pair, in order.
func journeys(t testing.TB, ledger string) map[probe.Pair][]journey {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(ledger))
	reader.Comment = '#'
	rows, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	type echo struct {
		probe.Pair
		id, seq string
	}
	asked := make(map[echo]journey)
	all := make(map[probe.Pair][]journey)
	for _, row := range rows[1:] {
		planned, err1 := strconv.ParseFloat(row[6], 64)
		given, err2 := strconv.ParseFloat(row[7], 64)
		if err1 != nil || err2 != nil {
			t.Fatal(row)
		}
		pair := probe.Pair{From: row[1], To: row[2]}
		if row[3] == "request" {
			asked[echo{pair, row[4], row[5]}] = journey{planned, given}
			continue
		}
		pair = pair.Reverse()
		request := asked[echo{pair, row[4], row[5]}]
		all[pair] = append(all[pair], journey{request.planned + planned, request.given + given})
	}
	return all
}

var pingSummary = regexp.MustCompile(`= ([0-9.]+)/([0-9.]+)/([0-9.]+)/`)

// ping is the average of count pings, in ms, as ping says it.
func (l *Lab) ping(t testing.TB, from, to string, count int) float64 {
	t.Helper()
	status, text := l.output(t, from, "ping", "-4", "-n", "-q", "-i", "0.2", "-c", strconv.Itoa(count), to)
	found := pingSummary.FindStringSubmatch(text)
	if status != 0 || found == nil {
		t.Errorf("%s → %s: status %d\n%s", from, to, status, text)
		return math.NaN()
	}
	avg, err := strconv.ParseFloat(found[2], 64)
	if err != nil {
		t.Error(err)
	}
	return avg
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// What ping measures is what the ledger says that packets were given, and what
// they were given is what the table asks for.
func TestRTT(t *testing.T) {
	lacktest.Programs(t, "ping")
	for _, c := range []struct{ cities, each int }{{10, 9}, {50, 6}} {
		t.Run(fmt.Sprint(c.cities), func(t *testing.T) {
			if testing.Short() && c.cities > 10 {
				t.Skip("-short")
			}
			config := cities(c.cities)
			l := startLab(t, config)
			measured := make([]float64, c.cities*c.each)
			pair := func(i int) probe.Pair {
				from := i / c.each
				to := (from + 1 + i%c.each*(c.cities-1)/c.each) % c.cities
				return probe.Pair{From: config.Cities[from].Name, To: config.Cities[to].Name}
			}
			together(len(measured), func(i int) { measured[i] = l.ping(t, pair(i).From, pair(i).To, 3) })
			ledger := l.ledgerOf(t)
			t.Log(strings.SplitN(ledger, "\n", 2)[0])
			said := journeys(t, ledger)
			var offLedger, offPlan, planOffTable []float64
			for i, m := range measured {
				var given, planned float64
				for _, j := range said[pair(i)] {
					given += j.given / 3
					planned += j.planned / 3
				}
				table := float64(config.RTT[pair(i)]) / 1e6
				offLedger = append(offLedger, math.Abs(m-given))
				offPlan = append(offPlan, math.Abs(m-table))
				planOffTable = append(planOffTable, math.Abs(planned-table))
			}
			slices.Sort(planOffTable)
			if worst := planOffTable[len(planOffTable)-1]; !(worst < 1e-5) {
				t.Errorf("planned %v ms off the table", worst)
			}
			t.Logf("measured − ledger: median %.3f ms; measured − table: median %.3f ms", median(offLedger), median(offPlan))
			t.Logf("measured − ledger: p99 %.3f ms; measured − table: p99 %.3f ms", offLedger[len(offLedger)*99/100], offPlan[len(offPlan)*99/100])
			if m := median(offLedger); !(m < 0.5) {
				t.Errorf("half of the pings are %v ms off the ledger", m)
			}
			if m := median(offPlan); !(m < 1) {
				t.Errorf("half of the pings are %v ms off the table (is this machine very busy?)", m)
			}
		})
	}
}

func TestIPv6(t *testing.T) {
	lacktest.Programs(t, "ping")
	if !hasIPv6() {
		lacktest.Skip(t, "this kernel has no IPv6")
	}
	l := startLab(t, cities(2))
	if got := l.must(t, "c0", "ping", "-6", "-q", "-c", "1", "c1"); !strings.Contains(got, "(fd6c:6162::1:2)") {
		t.Errorf("ping -6: %s", got)
	}
}

var received = regexp.MustCompile(`(\d+) received`)

// survivors counts the replies to 100 pings.
func (l *Lab) survivors(t testing.TB, from, to string) int {
	t.Helper()
	_, text := l.output(t, from, "ping", "-4", "-n", "-q", "-i", "0.01", "-c", "100", "-W", "1", to)
	found := received.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("%s → %s: %s", from, to, text)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLossAndChanges(t *testing.T) {
	lacktest.Programs(t, "ping")
	config := cities(3)
	config.Routes = &Routes{Routes: []Route{{From: "c0", To: "c1", Loss: new(float64)}}, Cities: []Fault{{Name: "c2", Down: true}}}
	*config.Routes.Routes[0].Loss = 0.3
	l := startLab(t, config)
	n := l.survivors(t, "c0", "c1")
	t.Logf("%d of 100 answered at a loss of 0.3", n)
	if n < 50 || n > 90 {
		t.Errorf("%d of 100 answered at a loss of 0.3", n)
	}
	if n := l.survivors(t, "c1", "c0"); n != 100 {
		t.Errorf("%d of 100 answered the other way", n)
	}
	if status, text := l.output(t, "c0", "ping", "-q", "-c", "1", "-W", "1", "198.18.0.3"); status != 1 {
		t.Errorf("ping of a city that is down: status %d\n%s", status, text)
	}
	up, all := false, 1.0
	for _, c := range []Change{{From: "c2", Down: &up}, {From: "c1", To: "c0", Loss: &all}} {
		if err := Set(t.Context(), l.Door, c); err != nil {
			t.Error(err)
		}
	}
	l.must(t, "c0", "ping", "-q", "-c", "1", "c2")
	if status, _ := l.output(t, "c1", "ping", "-q", "-c", "1", "-W", "1", "c0"); status != 1 {
		t.Errorf("ping after loss=1: status %d, want 1", status)
	}
	if err := Set(t.Context(), l.Door, Change{From: "nowhere", Down: &up}); err == nil {
		t.Error("changed a city that there is not")
	}
}

const overParis = `
[[route]]
from = "c0"
to = "c1"
rtt = "60ms"
hops = [
  {name = "near.c0.lab.example", delay = "1ms"},
  {name = "quiet.lab.example", delay = "2ms", silent = true},
  {name = "be1.cdg1.lab.example", delay = "20ms", address = "100.64.77.1"},
  {name = "near.c1.lab.example", delay = "29ms"},
]`

var traceLine = regexp.MustCompile(`(?m)^ *(\d+)  (?:(\S+) \(([0-9.]+)\)  ([0-9.]+) ms|\*)`)

func TestTraceroute(t *testing.T) {
	lacktest.Programs(t, "traceroute")
	config := cities(2)
	routes, err := ParseRoutes("test.toml", []byte(overParis))
	if err != nil {
		t.Fatal(err)
	}
	config.Routes = routes
	l := startLab(t, config)
	want := []string{"near.c0.lab.example", "", "be1.cdg1.lab.example", "near.c1.lab.example", "c1.lab.example"}
	least := []float64{2, 0, 40, 58, 0}
	for name, option := range map[string]string{"UDP": "-U", "ICMP": "-I"} {
		text := l.must(t, "c0", "traceroute", option, "-q", "1", "-w", "2", "c1")
		var names []string
		for i, found := range traceLine.FindAllStringSubmatch(text, -1) {
			names = append(names, found[2])
			if rtt, err := strconv.ParseFloat(found[4], 64); err == nil && i < len(least) && rtt < least[i] {
				t.Errorf("%s: %s answered in %v ms, want at least %v", name, found[2], rtt, least[i])
			}
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s traceroute: %q, want %q\n%s", name, names, want, text)
		}
	}
	if got := l.must(t, "c0", "getent", "hosts", "100.64.77.1"); !strings.Contains(got, "be1.cdg1.lab.example") {
		t.Errorf("getent: %q", got)
	}
}

// play lets the test binary be a program in a city.
func play() (status int, taken bool) {
	if len(os.Args) < 2 {
		return 0, false
	}
	parts := map[string]func(string) error{"play-sink": playSink, "play-source": playSource, "play-hold": playHold}
	part, ok := parts[os.Args[1]]
	if !ok {
		return 0, false
	}
	if err := part(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

const cargoSize = 4 << 20

// cargo is bytes that cannot be mistaken for others.
func cargo(w io.Writer) error {
	block := sha256.Sum256([]byte("cargo"))
	for range cargoSize / len(block) {
		block = sha256.Sum256(block[:])
		if _, err := w.Write(block[:]); err != nil {
			return err
		}
	}
	return nil
}

func playSink(string) error {
	listener, err := net.Listen("tcp", ":7000")
	if err != nil {
		return err
	}
	fmt.Println("up")
	conn, err := listener.Accept()
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(sum, conn)
	fmt.Printf("%d %x\n", n, sum.Sum(nil))
	return err
}

func playSource(to string) error {
	conn, err := net.Dial("tcp", net.JoinHostPort(to, "7000"))
	if err != nil {
		return err
	}
	return cargo(conn)
}

func TestTCP(t *testing.T) {
	config := cities(2)
	for pair := range config.RTT {
		config.RTT[pair] = 175 * ms
	}
	l := startLab(t, config)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		_, err := Exec(t.Context(), l.Door, Command{City: "c1", Argv: []string{self, "play-sink"}, Stdout: w, Stderr: w})
		done <- err
		w.Close()
	}()
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	l.must(t, "c0", self, "play-source", "198.18.0.2")
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("4 MB in %v; %s", time.Since(begun), strings.SplitN(l.ledgerOf(t), "\n", 2)[0])
	sum := sha256.New()
	if err := cargo(sum); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("%d %x\n", cargoSize, sum.Sum(nil)); string(got) != want {
		t.Errorf("arrived: %q, want %q", got, want)
	}
	if took := time.Since(begun); took < 3*175*ms/2 {
		t.Errorf("4 MB in %v: faster than the network", took)
	}
}
