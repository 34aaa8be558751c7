package export_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode"

	"matrix/geo"
	"matrix/probe"
	"matrix/report"
	"matrix/report/export"
	"matrix/report/reporttest"
)

// parisTicket is that of Baltimore → New York as it was published, with a trace
// each way.
func parisTicket(t *testing.T, rename func(string) string) *report.Ticket {
	t.Helper()
	round := reporttest.Published()
	round.Start, round.End = time.Date(2011, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2011, 7, 1, 12, 0, 21, 0, time.UTC)
	pair := probe.Pair{From: "baltimore", To: "newyork"}
	ends := map[string]string{"baltimore": "198.51.100.1", "newyork": "198.51.100.6"}
	for i := range round.Samples {
		s := &round.Samples[i]
		if s.Pair == pair || s.Pair == pair.Reverse() {
			s.Address, s.Sent, s.Received = netip.MustParseAddr(ends[s.To]), 20, 19
		}
	}
	for i := range round.Cities {
		round.Cities[i].Title = rename(round.Cities[i].Title)
	}
	trace := func(p probe.Pair, names []string, rtts []float64) *report.Trace {
		trace := &report.Trace{Pair: p, Method: probe.TraceICMP, Address: netip.MustParseAddr(ends[p.To]), At: round.Start, End: probe.Reached}
		for i, name := range names {
			h := probe.Hop{TTL: i + 1, Sent: 3}
			addr := netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)})
			switch i {
			case 0:
				addr = netip.MustParseAddr("10.0.0.1")
			case len(names) - 1:
				addr = trace.Address
			}
			if name != "" {
				// One answer of three: routers ration them.
				h.Answers = []probe.Answer{{Addr: addr, Name: rename(name), RTTs: []time.Duration{time.Duration(rtts[i] * float64(time.Millisecond))}}}
			}
			trace.Hops = append(trace.Hops, h)
		}
		trace.Hops[len(names)-1].Answers[0].RTTs = append(trace.Hops[len(names)-1].Answers[0].RTTs, 200*time.Millisecond, 200*time.Millisecond)
		return trace
	}
	d := report.Drill{Pair: pair, Cities: round.Cities, Atlas: geo.World(),
		There: trace(pair, []string{"rack7.internal", "be2056.ccr41.iad1.carrier.example", "be3043.ccr22.lhr1.carrier.example", "be12265.ccr31.cdg1.carrier.example", "", "", "be3627.ccr41.jfk1.carrier.example", "ny-7.internal"},
			[]float64{0.3, 2.4, 83.8, 95.6, 0, 0, 173.4, 174.7}),
		Back: trace(pair.Reverse(), []string{"rack1.internal", "be2101.ccr41.jfk1.carrier.example", "be3625.ccr31.cdg1.carrier.example", "", "be3044.ccr41.iad1.carrier.example", "b-1.internal"},
			[]float64{0.3, 1.2, 79, 0, 172.2, 174.6}),
	}
	r := report.New(round, report.Options{Stat: report.Min})
	d.Verdicts = r.Verdicts
	found, _ := d.Down()
	ticket, ok := report.NewTicket(r, d, &report.Traced{There: d.There, Back: d.Back, Found: found}, nil)
	if !ok {
		t.Fatal("no ticket")
	}
	return ticket
}

func same(text string) string { return text }

func TestTicket(t *testing.T) {
	ticket := parisTicket(t, same)
	for name, write := range map[string]func(*bytes.Buffer) error{
		"ticket.txt": func(b *bytes.Buffer) error { return export.TicketText(b, ticket) },
		"ticket.md":  func(b *bytes.Buffer) error { return export.TicketMarkdown(b, ticket) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		reporttest.Golden(t, name, b.Bytes())
		if n := strings.Count(b.String(), "\n"); n >= 60 {
			t.Errorf("%s: %d lines", name, n)
		}
		if strings.Contains(b.String(), "internal") {
			t.Errorf("%s shows an internal name:\n%s", name, b.String())
		}
	}
}

// Names of unknown origin are no markup, and move no cursor.
func TestTicketHostile(t *testing.T) {
	for _, evil := range []string{"<script>alert(1)</script>", "=cmd()", "a|b", "\x1b[31mred", "\u202eright", "x\n\n# heading", "```", strings.Repeat("long", 80)} {
		ticket := parisTicket(t, func(name string) string { return evil + name })
		var text, md bytes.Buffer
		if err := export.TicketText(&text, ticket); err != nil {
			t.Fatal(err)
		}
		if err := export.TicketMarkdown(&md, ticket); err != nil {
			t.Fatal(err)
		}
		for _, out := range []string{text.String(), md.String()} {
			for _, c := range out {
				if c != '\n' && !unicode.IsPrint(c) {
					t.Fatalf("%.10q: character %q in the ticket", evil, c)
				}
			}
			if n := strings.Count(out, "\n"); n >= 60 {
				t.Errorf("%.10q: %d lines", evil, n)
			}
		}
		for line := range strings.Lines(md.String()) {
			if !strings.HasPrefix(line, "    ") && (strings.Contains(line, "<script") || strings.HasPrefix(line, "# heading")) {
				t.Errorf("%.10q: markup: %s", evil, line)
			}
		}
	}
}
