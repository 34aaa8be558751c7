package foreign

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"matrix/data"
	"matrix/probe"
)

// atlasResult is a result of RIPE Atlas, in every version of its format
// (firmware 1 to 5000 and up): names of older ones stand beside the newer.
// Matrix is ours, see AtlasWriter.
type atlasResult struct {
	Type      string          `json:"type"`
	Probe     *int            `json:"prb_id"`
	Timestamp *int64          `json:"timestamp"`
	DstAddr   string          `json:"dst_addr"`
	DstName   string          `json:"dst_name"`
	Addr      string          `json:"addr"`
	Name      string          `json:"name"`
	SrcAddr   string          `json:"src_addr"`
	SrcAddr1  string          `json:"srcaddr"`
	From      string          `json:"from"`
	Family    int             `json:"af"`
	Sent      *int            `json:"sent"`
	Received  *int            `json:"rcvd"`
	Doubles   int             `json:"dup"`
	TTL       int             `json:"ttl"`
	Min       *float64        `json:"min"`
	Avg       *float64        `json:"avg"`
	Max       *float64        `json:"max"`
	DNSError  string          `json:"dnserr"`
	Error     json.RawMessage `json:"error"`
	Result    json.RawMessage `json:"result"`
	Matrix    *atlasOurs      `json:"matrix"`
}

// atlasPacket is what became of one echo request.
type atlasPacket struct {
	RTT   *float64        `json:"rtt"`
	Lost  string          `json:"x"` // "*"
	Error json.RawMessage `json:"error"`
	Dup   int             `json:"dup"`
}

// readAtlas reads results of pings. Those of other measurements are passed
// over.
func readAtlas(s *source, in *bufio.Reader) error {
	stream := newObjects(in)
	for n := 1; ; n++ {
		text, err := stream.read()
		s.line = stream.line
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, errGarbage):
			s.bad(data.FileError{Problem: errGarbage.Error(), Hint: "it is left out"})
			continue
		case err != nil:
			return fmt.Errorf("read %s: %w", s.name, err)
		}
		if n%256 == 0 && s.ctx.Err() != nil {
			return context.Cause(s.ctx)
		}
		var r atlasResult
		if err := json.Unmarshal(text, &r); err != nil {
			s.bad(data.FileError{Problem: probe.Clean(err.Error(), 100), Hint: "it is left out"})
			continue
		}
		if r.Type != "" && r.Type != "ping" || r.Type == "" && r.DstAddr+r.Addr == "" && r.Sent == nil {
			s.tally.Skipped++
			continue
		}
		if err := s.atlas(&r); err != nil {
			return err
		}
	}
}

// atlas makes a reading of one result.
func (s *source) atlas(r *atlasResult) error {
	one := reading{sample: probe.Sample{Odd: probe.Oddities{Duplicates: r.Doubles}, TTL: r.TTL}}
	if one.sample.TTL < 0 || one.sample.TTL > 255 {
		one.sample.TTL = 0
	}
	var ok bool
	if one.from, ok = s.atlasFrom(r); !ok {
		return nil
	}
	if one.to, ok = s.atlasTo(r); !ok {
		return nil
	}
	if text := first(r.DstAddr, r.Addr); text != "" {
		addr, err := data.ParseAddr(text)
		if err != nil {
			s.wrong(1, "dst_addr", text, "not an IP address", "it is left out")
			return nil
		}
		one.sample.Address = addr
	}
	if !s.atlasTime(r, &one) || !s.atlasPackets(r, &one.sample) {
		return nil
	}
	return s.take(one)
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// atlasFrom finds the city of the probe: by the mapping, or by its address.
func (s *source) atlasFrom(r *atlasResult) (int, bool) {
	if r.Matrix != nil && r.Matrix.From != "" {
		return s.city(1, "matrix.from", r.Matrix.From)
	}
	if r.Probe == nil {
		s.wrong(1, "prb_id", "", "not there", "a result names its probe")
		return 0, false
	}
	if name, ok := s.Probes[*r.Probe]; ok {
		return s.city(1, "prb_id", name)
	}
	for _, text := range []string{r.From, r.SrcAddr, r.SrcAddr1} {
		if i, ok := s.lookup.City(text); ok && text != "" {
			return i, true
		}
	}
	s.wrong(1, "prb_id", strconv.Itoa(*r.Probe), "a probe of which no city is known", "give it a line in the file of --probes")
	return 0, false
}

func (s *source) atlasTo(r *atlasResult) (int, bool) {
	if r.Matrix != nil && r.Matrix.To != "" {
		return s.city(1, "matrix.to", r.Matrix.To)
	}
	names := slices.DeleteFunc([]string{r.DstName, r.Name, r.DstAddr, r.Addr}, func(name string) bool { return name == "" })
	if len(names) == 0 {
		s.wrong(1, "dst_addr", "", "not there", "a result names its destination")
		return 0, false
	}
	return s.target(names...)
}

func (s *source) atlasTime(r *atlasResult, one *reading) bool {
	if r.Matrix != nil {
		for _, t := range []struct {
			from *time.Time
			to   *time.Time
		}{{r.Matrix.At, &one.sample.At}, {r.Matrix.Round, &one.group}} {
			if t.from == nil {
				continue
			}
			at, err := data.ParseTime(t.from.Format(time.RFC3339Nano))
			if err != nil {
				s.wrong(1, "matrix.at", t.from.String(), "not a time", "it is left out")
				return false
			}
			*t.to = at
		}
		return true
	}
	if r.Timestamp == nil {
		return true
	}
	at, err := data.ParseTime(time.Unix(*r.Timestamp, 0).UTC().Format(time.RFC3339))
	if err != nil {
		s.wrong(1, "timestamp", strconv.FormatInt(*r.Timestamp, 10), "not a time", "it is seconds since 1970")
		return false
	}
	one.sample.At = at
	return true
}

// atlasPackets reads what became of the packets. One with an error was not
// sent.
func (s *source) atlasPackets(r *atlasResult, into *probe.Sample) bool {
	var packets []atlasPacket
	if len(r.Result) > 0 {
		if err := json.Unmarshal(r.Result, &packets); err != nil {
			s.wrong(1, "result", "", probe.Clean(err.Error(), 100), "it is left out")
			return false
		}
	}
	if len(packets) > maxRTTs {
		s.wrong(1, "result", "", fmt.Sprintf("%d packets", len(packets)), "it is left out")
		return false
	}
	for _, p := range packets {
		switch {
		case p.Dup > 0:
		case p.RTT != nil:
			d, problem, hint := data.MillisOf(*p.RTT)
			if problem != "" {
				s.wrong(1, "rtt", decimal(*p.RTT), problem, hint)
				return false
			}
			into.RTTs = append(into.RTTs, d)
			into.Sent++
		case p.Lost != "":
			into.Sent++
		case len(p.Error) > 0:
			into.Reason = atlasText(p.Error)
		}
	}
	into.Received = len(into.RTTs)
	if len(packets) == 0 && !s.atlasCounts(r, into) {
		return false
	}
	s.atlasState(r, into)
	return true
}

// atlasCounts is for results without packets, such as those of the first
// firmware. Atlas writes -1 where there is no time.
func (s *source) atlasCounts(r *atlasResult, into *probe.Sample) bool {
	if r.Sent != nil && r.Received != nil {
		into.Sent, into.Received = *r.Sent, *r.Received
	}
	for stat, v := range map[probe.Stat]*float64{probe.Min: r.Min, probe.Avg: r.Avg, probe.Max: r.Max} {
		if v == nil || *v == -1 {
			continue
		}
		d, problem, hint := data.MillisOf(*v)
		if problem != "" {
			s.wrong(1, stat.String(), decimal(*v), problem, hint)
			return false
		}
		into.Imported.Set(stat, d)
	}
	if r.Matrix != nil {
		r.Matrix.statistics(into)
	}
	return true
}

func (s *source) atlasState(r *atlasResult, into *probe.Sample) {
	switch {
	case r.Matrix != nil && r.Matrix.State != nil:
		into.State, into.Reason, into.Cut = *r.Matrix.State, probe.Clean(r.Matrix.Reason, maxReason), r.Matrix.Cut
	case into.Received > 0 || into.Imported != probe.Imported{}:
		into.State = probe.Measured
	case r.DNSError != "":
		into.State, into.Reason = probe.Unresolved, probe.Clean(r.DNSError, maxReason)
	case into.Sent > 0:
		into.State = probe.Lost
	default:
		// The probe could not send: that is its own fault, not the path's.
		into.State, into.Reason = probe.SourceDown, first(into.Reason, atlasText(r.Error), "the probe sent nothing")
	}
}

// atlasText is an error, which is a text or an object in which there is one.
func atlasText(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		text = string(raw)
	}
	return probe.Clean(text, maxReason)
}
