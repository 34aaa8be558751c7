package metrics

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"matrix/report"
	"matrix/report/metrics/metricstest"
	"matrix/report/reporttest"
)

// firing are the alerts that fire: their names and what they are about.
func firing(p *metricstest.Prometheus) ([]string, error) {
	alerts, err := p.Alerts()
	var names []string
	for _, a := range alerts {
		if a.State == "firing" {
			names = append(names, strings.Trim(a.Labels["alertname"]+" "+a.Labels["host"]+a.Labels["to"], " "))
		}
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// TestRealPrometheus: a real one scrapes the real endpoint, its rules fire on
// faults and resolve after them, and all queries of the dashboard return data.
func TestRealPrometheus(t *testing.T) {
	round := fresh(nil)
	s := &service{last: made(round)}
	endpoint := httptest.NewServer(Handler(s, Options{Version: "1.2.3", MaxAge: time.Hour}))
	t.Cleanup(endpoint.Close)
	p := metricstest.Start(t, strings.TrimPrefix(endpoint.URL, "http://"), "../../deploy/prometheus/rules.yml")

	metricstest.Until(t, "two scrapes", func() (bool, string) {
		n, err := p.Series("count_over_time(pingmatrix_stale[1m]) >= 3")
		return n == 1, fmt.Sprint(err)
	})
	t.Run("dashboard", func(t *testing.T) { dashboard(t, p) })

	// Of these the fault alone may fire: whoever is called at night wants one reason.
	down := []string{"PingmatrixCityUnreachable", "PingmatrixCoverage", "PingmatrixHostDown", "PingmatrixPairUnreachable", "PingmatrixStale"}
	usual, err := firing(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range []struct {
		name  string
		round func() *report.Report
		fires []string
	}{
		{"Milan answers nobody", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.To == "milan" {
					x.State, x.RTTs, x.Received = report.Lost, nil, 0
				}
			}))
		}, []string{"PingmatrixCityUnreachable milan"}},
		{"one pair", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.To == "milan" && x.From == "paris" {
					x.State, x.RTTs, x.Received = report.Lost, nil, 0
				}
			}))
		}, []string{"PingmatrixPairUnreachable milan"}},
		{"Dallas cannot ping", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.From == "dallas" {
					x.State, x.RTTs, x.Sent, x.Received = report.SourceDown, nil, 0, 0
				}
			}))
		}, []string{"PingmatrixHostDown dallas"}},
		{"three cannot ping", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.From == "dallas" || x.From == "paris" || x.From == "sydney" {
					x.State, x.RTTs, x.Sent, x.Received = report.SourceDown, nil, 0, 0
				}
			}))
		}, []string{"PingmatrixHostDown dallas", "PingmatrixHostDown paris", "PingmatrixHostDown sydney"}},
		{"Dallas is off", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				switch "dallas" {
				case x.From:
					x.State, x.RTTs, x.Sent, x.Received = report.SourceDown, nil, 0, 0
				case x.To:
					x.State, x.RTTs, x.Received = report.Lost, nil, 0
				}
			}))
		}, []string{"PingmatrixCityUnreachable dallas"}},
		{"pairs were left out", func() *report.Report {
			return made(fresh(func(x *report.Sample) {
				if x.To == "dallas" || x.To == "paris" {
					x.State, x.RTTs, x.Sent, x.Received = report.NotRun, nil, 0, 0
				}
			}))
		}, []string{"PingmatrixCoverage"}},
		{"stale", func() *report.Report {
			old := fresh(nil)
			old.End = old.End.Add(-2 * time.Hour)
			return made(old)
		}, []string{"PingmatrixStale"}},
	} {
		s.set(fault.round())
		metricstest.Until(t, fault.name+" fires", func() (bool, string) {
			now, err := firing(p)
			now = slices.DeleteFunc(now, func(a string) bool {
				return !slices.ContainsFunc(down, func(kind string) bool { return strings.HasPrefix(a, kind) })
			})
			return err == nil && slices.Equal(now, fault.fires), fmt.Sprint(now, err)
		})
		t.Logf("%s: fired", fault.name)
		s.set(made(fresh(nil)))
		metricstest.Until(t, fault.name+" resolved", func() (bool, string) {
			now, err := firing(p)
			left := slices.ContainsFunc(fault.fires, func(was string) bool { return slices.Contains(now, was) })
			return err == nil && !left, fmt.Sprint(now, err)
		})
	}
	metricstest.Until(t, "as before", func() (bool, string) {
		now, err := firing(p)
		more := slices.ContainsFunc(now, func(a string) bool {
			return !slices.Contains(usual, a) && a != "PingmatrixDetours" // the table has two extreme pairs
		})
		return err == nil && !more, fmt.Sprint(now, " before: ", usual)
	})
}

// fresh is a round of just now, with its samples changed.
func fresh(change func(*report.Sample)) *report.Round {
	round := reporttest.Measured()
	took := round.End.Sub(round.Start)
	round.End = time.Now()
	round.Start = round.End.Add(-took)
	for i := range round.Samples {
		if change != nil {
			change(&round.Samples[i])
		}
	}
	round.Hosts = []report.Host{{City: "milan"}}
	round.Hosts[0].Health.Offset = time.Second
	return round
}

// dashboard runs every query of the dashboard, its variables' as well.
func dashboard(t *testing.T, p *metricstest.Prometheus) {
	text, err := os.ReadFile("../../deploy/grafana/dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Templating struct {
			List []struct{ Name, Type, Definition string }
		}
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("$from", "paris", "$to", "milan", "$__rate_interval", "1m")
	queries := 0
	for _, panel := range board.Panels {
		for _, target := range panel.Targets {
			queries++
			if n, err := p.Series(values.Replace(target.Expr)); err != nil || n == 0 {
				t.Errorf("%s: %s: %d series, %v", panel.Title, target.Expr, n, err)
			}
		}
	}
	for _, v := range board.Templating.List {
		label := regexp.MustCompile(`^label_values\((.*), (\w+)\)$`).FindStringSubmatch(v.Definition)
		if v.Type != "query" {
			continue
		}
		var found []string
		if err := p.Get("/api/v1/label/"+label[2]+"/values", url.Values{"match[]": {label[1]}}, &found); err != nil || len(found) != 10 {
			t.Errorf("%s: %v, %v", v.Name, found, err)
		}
	}
	if queries < 20 {
		t.Errorf("only %d queries were found", queries)
	}
	t.Logf("%d queries returned data", queries)
}
