package foreign

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/netip"
	"time"

	"matrix/probe"
)

// atlasOurs is what the format of RIPE Atlas has no place for. Tools that do
// not know the member pass over it.
type atlasOurs struct {
	From   string       `json:"from"`
	To     string       `json:"to"`
	State  *probe.State `json:"state,omitempty"`
	Reason string       `json:"reason,omitempty"`
	Cut    bool         `json:"cut,omitempty"`   // ended before its time
	At     *time.Time   `json:"at,omitempty"`    // to the nanosecond, where timestamp has seconds
	Round  *time.Time   `json:"round,omitempty"` // when its round began
	Median *float64     `json:"median_ms,omitempty"`
	Mdev   *float64     `json:"mdev_ms,omitempty"`
	Jitter *float64     `json:"jitter_ms,omitempty"`

	End string `json:"end,omitempty"` // of a traceroute
}

func (o *atlasOurs) fields() map[probe.Stat]**float64 {
	return map[probe.Stat]**float64{probe.Median: &o.Median, probe.Mdev: &o.Mdev, probe.Jitter: &o.Jitter}
}

// statistics adds those that Atlas does not have.
func (o *atlasOurs) statistics(into *probe.Sample) {
	for stat, field := range o.fields() {
		if v := *field; v != nil && *v >= 0 && *v <= 60_000 {
			into.Imported.Set(stat, rounded(*v*float64(time.Millisecond)))
		}
	}
}

// Figures of the format that say what ours are like.
const (
	atlasFirmware = 5000 // the version of the result format
	atlasNone     = -1.0 // Atlas' way to say that there is no time
)

// AtlasWriter writes rounds as a list of RIPE Atlas results, an object a line,
// in the format of firmware 5000. msm_id is 0: there was no measurement of
// Atlas. The member matrix holds what Atlas has no place for; with it, Import
// reads the same samples again.
type AtlasWriter struct {
	out    *bufio.Writer
	probes map[string]int // ids of Atlas, by city
	own    map[string]int // ids given to the other cities, in the order in which they occur
	some   bool
}

// NewAtlasWriter writes to w. A city has the id of its probe, or else one above
// 10,000,000, where Atlas has none, in the order in which cities occur.
func NewAtlasWriter(w io.Writer, probes map[int]string) *AtlasWriter {
	a := &AtlasWriter{out: bufio.NewWriter(w), probes: make(map[string]int), own: make(map[string]int)}
	for id, city := range probes {
		if old, twice := a.probes[city]; !twice || id < old {
			a.probes[city] = id
		}
	}
	return a
}

const firstOwnProbe = 10_000_001

func (a *AtlasWriter) probe(city string) int {
	if id, ok := a.probes[city]; ok {
		return id
	}
	if _, ok := a.own[city]; !ok {
		a.own[city] = firstOwnProbe + len(a.own)
	}
	return a.own[city]
}

func (a *AtlasWriter) object(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	separator := ",\n"
	if !a.some {
		separator, a.some = "[", true
	}
	if _, err := a.out.WriteString(separator + string(text)); err != nil {
		return fmt.Errorf("write results: %w", err)
	}
	return nil
}

// Close ends the list.
func (a *AtlasWriter) Close() error {
	if !a.some {
		_, _ = a.out.WriteString("[") // Flush returns the error
	}
	_, _ = a.out.WriteString("]\n")
	return a.out.Flush()
}

// atlasPing is the result of a ping, with its members in the order in which
// Atlas documents them.
type atlasPing struct {
	Firmware  int              `json:"fw"`
	Type      string           `json:"type"`
	Family    int              `json:"af,omitempty"`
	Probe     int              `json:"prb_id"`
	Msm       int              `json:"msm_id"`
	MsmName   string           `json:"msm_name"`
	Timestamp int64            `json:"timestamp"`
	From      string           `json:"from"`
	SrcAddr   string           `json:"src_addr,omitempty"`
	DstName   string           `json:"dst_name"`
	DstAddr   string           `json:"dst_addr,omitempty"`
	Proto     string           `json:"proto"`
	TTL       int              `json:"ttl,omitempty"`
	Size      int              `json:"size,omitempty"`
	Sent      *int             `json:"sent,omitempty"` // absent where a file did not say
	Received  *int             `json:"rcvd,omitempty"`
	Doubles   int              `json:"dup"`
	Min       float64          `json:"min"`
	Avg       float64          `json:"avg"`
	Max       float64          `json:"max"`
	Result    []map[string]any `json:"result"`
	Matrix    atlasOurs        `json:"matrix"`
}

// Round writes every sample of a round.
func (a *AtlasWriter) Round(r *probe.Round) error {
	hosts := make(map[string]string, len(r.Cities))
	for _, c := range r.Cities {
		hosts[c.Name] = c.Host
	}
	for _, samples := range [][]probe.Sample{r.Samples, r.Self} {
		for i := range samples {
			if err := a.object(a.ping(r, &samples[i], hosts)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *AtlasWriter) ping(r *probe.Round, s *probe.Sample, hosts map[string]string) atlasPing {
	out := atlasPing{
		Firmware: atlasFirmware, Type: "ping", Family: family(s.Address), Probe: a.probe(s.From), MsmName: "Ping", Proto: "ICMP",
		SrcAddr: literal(hosts[s.From]), From: literal(hosts[s.From]), DstName: first(hosts[s.To], s.To),
		TTL: s.TTL, Size: r.Options.Size, Doubles: s.Odd.Duplicates,
		Min: atlasNone, Avg: atlasNone, Max: atlasNone, Result: []map[string]any{},
		Matrix: atlasOurs{From: s.From, To: s.To, State: &s.State, Reason: s.Reason, Cut: s.Cut},
	}
	if s.Sent > 0 || s.State != probe.Measured {
		out.Sent, out.Received = &s.Sent, &s.Received
	}
	if s.Address.IsValid() {
		out.DstAddr = s.Address.String()
	}
	at := s.At
	if at.IsZero() {
		at = r.Start
	} else {
		out.Matrix.At = &s.At
	}
	out.Timestamp = at.Unix()
	if !r.Start.IsZero() {
		out.Matrix.Round = &r.Start
	}
	a.figures(s, &out)
	return out
}

func (a *AtlasWriter) figures(s *probe.Sample, out *atlasPing) {
	summary := s.Summary()
	for stat, field := range map[probe.Stat]*float64{probe.Min: &out.Min, probe.Avg: &out.Avg, probe.Max: &out.Max} {
		if d, known := summary.Get(stat); known {
			*field = millis(d)
		}
	}
	if len(s.RTTs) == 0 && s.Received > 0 || s.Imported != (probe.Imported{}) {
		for stat, field := range out.Matrix.fields() {
			if d, known := summary.Get(stat); known {
				ms := millis(d)
				*field = &ms
			}
		}
		return // single packets are not known
	}
	for _, d := range s.RTTs {
		out.Result = append(out.Result, map[string]any{"rtt": millis(d)})
	}
	// Which of them were lost is not known; Atlas' own order is by sequence.
	for range s.Sent - s.Received {
		out.Result = append(out.Result, map[string]any{"x": "*"})
	}
	if s.Sent == 0 {
		out.Result = append(out.Result, map[string]any{"error": first(s.Reason, s.State.String())})
	}
}

func family(a netip.Addr) int {
	switch {
	case !a.IsValid():
		return 0
	case a.Unmap().Is4():
		return 4
	}
	return 6
}

// literal is a host if it is an address.
func literal(host string) string {
	if _, err := netip.ParseAddr(host); err != nil {
		return ""
	}
	return host
}

// millis is a duration in milliseconds, without the noise of a division.
func millis(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Microsecond)) / 1000
}
