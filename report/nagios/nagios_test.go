package nagios

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"
	"time"

	"matrix/probe/lacktest"
	"matrix/report"
	"matrix/report/reporttest"
)

func TestRange(t *testing.T) {
	// The table of the guidelines, with the values around each end.
	for text, alerts := range map[string]map[float64]bool{
		"10":     {-0.1: true, 0: false, 10: false, 10.1: true},
		"10:":    {9.9: true, 10: false, 1e9: false},
		"~:10":   {-1e9: false, 10: false, 10.1: true},
		"10:20":  {9.9: true, 10: false, 20: false, 20.1: true},
		"@10:20": {9.9: false, 10: true, 20: true, 20.1: false},
		"40%":    {40: false, 40.1: true},
	} {
		r, err := ParseRange(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for v, want := range alerts {
			if r.Alerts(v) != want {
				t.Errorf("%q alerts at %v: %v", text, v, !want)
			}
		}
		if want := strings.TrimSuffix(text, "%"); r.String() != want {
			t.Errorf("%q is written %q", text, r)
		}
	}
	for _, text := range []string{"", ":", "many", "20:10", "1e999", "NaN", "10:20:30", "~"} {
		if r, err := ParseRange(text); err == nil {
			t.Errorf("%q passes for %v", text, r)
		}
	}
}

func TestLimits(t *testing.T) {
	l, err := ParseLimits("200, 40%")
	if err != nil || l.RTT.High != 200 || l.Loss.High != 40 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, text := range []string{"", "200,300", "40%,50%", "200,"} {
		if _, err := ParseLimits(text); err == nil {
			t.Errorf("%q passes", text)
		}
	}
}

func question(round *report.Round) Question {
	l, _ := ParseLimits("200,40%")
	return Question{Now: round.End.Add(time.Minute), MaxAge: time.Hour, Warning: l, Coverage: 100}
}

// TestNeverOK: whatever is not known is not OK.
func TestNeverOK(t *testing.T) {
	change := map[string]func(*report.Round, *Question){
		"stale":   func(_ *report.Round, q *Question) { q.Now = q.Now.Add(time.Hour) },
		"future":  func(_ *report.Round, q *Question) { q.Now = q.Now.Add(-time.Hour) },
		"no time": func(r *report.Round, _ *Question) { r.Start, r.End = time.Time{}, time.Time{} },
		"no loss": func(r *report.Round, _ *Question) {
			for i := range r.Samples {
				r.Samples[i].Cut = true
			}
		},
		"no average": func(r *report.Round, _ *Question) {
			for i := range r.Samples {
				r.Samples[i].RTTs = nil
				r.Samples[i].Imported.Set(report.Min, time.Millisecond)
			}
		},
		"no such pair": func(_ *report.Round, q *Question) { q.Scope.City = "atlantis" },
		"excluded": func(r *report.Round, _ *Question) {
			for i := range r.Samples {
				r.Samples[i].State = report.Excluded
			}
		},
		"not run": func(r *report.Round, _ *Question) { r.Samples[5].State, r.Samples[5].RTTs = report.NotRun, nil },
		"no past": func(_ *report.Round, q *Question) { q.Usual = &Usual{Days: 7, Warning: 1.5, Critical: 2} },
	}
	for name, spoil := range change {
		round := reporttest.Measured()
		q := question(round)
		q.Warning.RTT.High = 1000
		if got := Check(report.New(round, report.Options{Stat: report.Avg}), q); got.Status != OK {
			t.Fatalf("%s: the round itself is %v: %s", name, got.Status, got.Text)
		}
		round = reporttest.Measured()
		spoil(round, &q)
		if got := Check(report.New(round, report.Options{Stat: report.Avg}), q); got.Status != Unknown || got.Text == "" {
			t.Errorf("%s: %v: %s", name, got.Status, got.Text)
		}
	}
}

// TestHostile: no title or reason ends a line or begins performance data.
func TestHostile(t *testing.T) {
	round := reporttest.Hostile()
	var out bytes.Buffer
	q := question(round)
	q.Warning.RTT.High, q.Verdicts = 1, true
	if err := Check(report.New(round, report.Options{Stat: report.Avg}), q).Write(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if strings.Count(out.String(), "|") != 1 || !strings.Contains(lines[0], " | rta=") || strings.ContainsAny(out.String(), "\x1b\r\x00") {
		t.Errorf("%q", out.String())
	}
	if len(lines) > shownFindings+4 {
		t.Errorf("%d lines", len(lines))
	}
}

// parse prints what the plugins' own library reads from performance data.
const parse = `use Monitoring::Plugin::Performance;
local $/; my $line = <STDIN>; $line =~ s/^[^|]*\| //;
my @all = Monitoring::Plugin::Performance->parse_perfstring($line);
for my $p (@all) {
	my $t = $p->threshold;
	printf "%s %s %s w=%s c=%s min=%s max=%s\n", $p->label, $p->value, $p->uom // "", $t->warning->is_set ? $t->warning : "", $t->critical->is_set ? $t->critical : "", $p->min // "", $p->max // "";
}`

// TestRealParser reads the performance data with Monitoring::Plugin, the
// library that plugins are written with.
func TestRealParser(t *testing.T) {
	if err := exec.Command("perl", "-MMonitoring::Plugin::Performance", "-e", "1").Run(); err != nil {
		lacktest.Skip(t, "perl has no Monitoring::Plugin (Debian: libmonitoring-plugin-perl): ", err)
	}
	round := reporttest.Measured()
	q := question(round)
	q.Critical, _ = ParseLimits("500,80%")
	var out bytes.Buffer
	if err := Check(report.New(round, report.Options{Stat: report.Avg}), q).Write(&out); err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(out.String(), "\n")
	cmd := exec.Command("perl", "-e", parse)
	cmd.Stdin = strings.NewReader(line)
	read, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, read)
	}
	reporttest.Golden(t, "perfdata.txt", read)
}
