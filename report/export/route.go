package export

import (
	"encoding/json"
	"io"
	"strconv"
	"time"

	"matrix/report"
)

// mtrReport is what `mtr --json` writes, member by member in its order. What mtr
// does not have comes after what it has.
type mtrReport struct {
	Report struct {
		Mtr    mtrHead   `json:"mtr"`
		Hubs   []mtrHub  `json:"hubs"`
		Matrix routeHead `json:"matrix"`
	} `json:"report"`
	Finding *Finding `json:"finding,omitempty"` // of both directions together
}

type mtrHead struct {
	Src        string `json:"src"`
	Dst        string `json:"dst"`
	TOS        int    `json:"tos"`
	Tests      int    `json:"tests"`
	PacketSize string `json:"psize"`
	BitPattern string `json:"bitpattern"`
}

// mtrHub is one address at one hop. A figure that there is not is null, where
// mtr writes 0.
type mtrHub struct {
	Count  int      `json:"count"`
	Host   string   `json:"host"`
	Loss   *float64 `json:"Loss%"`
	Sent   *int     `json:"Snt"`
	Last   *float64 `json:"Last"`
	Avg    *float64 `json:"Avg"`
	Best   *float64 `json:"Best"`
	Worst  *float64 `json:"Wrst"`
	StDev  *float64 `json:"StDev"`
	Addr   string   `json:"address,omitempty"`
	Mark   string   `json:"mark,omitempty"`
	Labels []string `json:"mpls,omitempty"`
}

// routeHead is what mtr's report has no place for.
type routeHead struct {
	Address string    `json:"address"`
	Method  string    `json:"method"`
	Flow    int       `json:"flow"` // counted from 1
	At      time.Time `json:"at"`
	End     string    `json:"end"` // one of the words of probe.TraceEnd
	Text    string    `json:"text"`
	Notes   []string  `json:"notes,omitempty"`
}

// Traces writes a report of mtr for each direction and flow, one after the
// other, each with what they mean together; found may be nil.
func Traces(w io.Writer, traces []report.Trace, found *report.DrillDown) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "    ")
	for _, t := range traces {
		m := newMtrReport(t)
		m.Finding = newFinding(found)
		if err := encoder.Encode(m); err != nil {
			return err
		}
	}
	return nil
}

// mtrHeaders is what mtr counts into a packet's size besides its payload: the
// headers of IPv4 and ICMP, for which it says 64 where ping says 36.
const mtrHeaders = 28

// decimals are as many as mtr has.
const decimals = 3

func newMtrReport(t report.Trace) mtrReport {
	r := report.Routes([]report.Trace{t}, nil)[0]
	var m mtrReport
	m.Report.Mtr = mtrHead{
		Src: r.From, Dst: r.To, TOS: t.Sending.TrafficClass, Tests: r.Tests,
		PacketSize: strconv.Itoa(t.Size + mtrHeaders), BitPattern: "0x00",
	}
	m.Report.Matrix = routeHead{
		Address: r.Address, Method: t.Method.String(), Flow: t.Flow + 1, At: t.At.UTC(), End: t.End.String(),
		Text: r.Ends[0], Notes: r.Notes,
	}
	m.Report.Hubs = []mtrHub{}
	for _, row := range r.Rows {
		for ttl := row.TTL; ttl <= row.Until; ttl++ {
			m.Report.Hubs = append(m.Report.Hubs, newMtrHub(ttl, row))
		}
	}
	return m
}

func newMtrHub(ttl int, row report.RouteRow) mtrHub {
	h := mtrHub{Count: ttl, Host: "???", Mark: row.Mark, Labels: row.Labels}
	if row.First {
		h.Sent = &row.Sent
	}
	if loss, ok := row.Loss(); ok {
		h.Loss = rounded(loss, decimals)
	}
	if row.Host == "" {
		return h
	}
	h.Host, h.Addr = row.Host, row.Address
	for figure, d := range map[**float64]time.Duration{
		&h.Last: row.RTT.Last, &h.Avg: row.RTT.Avg, &h.Best: row.RTT.Best, &h.Worst: row.RTT.Worst, &h.StDev: row.RTT.StDev,
	} {
		*figure = rounded(float64(d)/float64(time.Millisecond), decimals)
	}
	return h
}
