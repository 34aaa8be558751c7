package foreign

import (
	"net/netip"
	"strings"
	"time"

	"matrix/probe"
)

// atlasTrace is the result of a traceroute.
type atlasTrace struct {
	Firmware  int        `json:"fw"`
	Type      string     `json:"type"`
	Family    int        `json:"af,omitempty"`
	Probe     int        `json:"prb_id"`
	Msm       int        `json:"msm_id"`
	MsmName   string     `json:"msm_name"`
	Timestamp int64      `json:"timestamp"`
	From      string     `json:"from"`
	SrcAddr   string     `json:"src_addr,omitempty"`
	DstName   string     `json:"dst_name"`
	DstAddr   string     `json:"dst_addr,omitempty"`
	Proto     string     `json:"proto"`
	Size      int        `json:"size"`
	Paris     int        `json:"paris_id"` // the flow, from 1: each keeps to one path
	Result    []atlasHop `json:"result"`
	Matrix    atlasOurs  `json:"matrix"`
}

type atlasHop struct {
	Hop    int           `json:"hop"`
	Result []atlasAnswer `json:"result"`
}

// atlasAnswer is what became of one probe.
type atlasAnswer struct {
	From  string           `json:"from,omitempty"`
	RTT   *float64         `json:"rtt,omitempty"`
	Err   string           `json:"err,omitempty"` // "N", "H", ...: what traceroute marks as !N, !H
	Lost  string           `json:"x,omitempty"`   // "*"
	Error string           `json:"error,omitempty"`
	ICMP  *atlasExtensions `json:"icmpext,omitempty"`
}

// atlasExtensions are the objects of RFC 4884 that came with an answer: those
// of RFC 4950 have the MPLS labels.
type atlasExtensions struct {
	Version int           `json:"version"`
	RFC4884 int           `json:"rfc4884"`
	Objects []atlasObject `json:"obj"`
}

type atlasObject struct {
	Class  int          `json:"class"`
	Type   int          `json:"type"`
	Labels []atlasLabel `json:"mpls"`
}

type atlasLabel struct {
	Class  uint8  `json:"exp"`
	Value  uint32 `json:"label"`
	Bottom int    `json:"s"`
	TTL    uint8  `json:"ttl"`
}

// Trace writes a traceroute. hosts are addresses or names of the cities, for
// src_addr and dst_name; it may be nil. Atlas has no place for routers' names,
// and they are left out.
func (a *AtlasWriter) Trace(t *probe.Trace, hosts map[string]string) error {
	out := atlasTrace{
		Firmware: atlasFirmware, Type: "traceroute", Family: family(t.Address), Probe: a.probe(t.From), MsmName: "Traceroute",
		From: literal(hosts[t.From]), SrcAddr: literal(hosts[t.From]), DstName: first(hosts[t.To], t.To),
		Proto: strings.ToUpper(t.Method.String()), Size: t.Size, Paris: t.Flow + 1, Result: []atlasHop{},
		Matrix: atlasOurs{From: t.From, To: t.To, Reason: t.Reason, End: t.End.String()},
	}
	if t.Address.IsValid() {
		out.DstAddr = t.Address.String()
	}
	if !t.At.IsZero() {
		out.Timestamp, out.Matrix.At = t.At.Unix(), &t.At
	}
	for _, h := range t.Hops {
		out.Result = append(out.Result, newAtlasHop(h))
	}
	if len(t.Hops) == 0 {
		out.Result = append(out.Result, atlasHop{1, []atlasAnswer{{Error: first(t.Reason, t.End.String())}}})
	}
	return a.object(out)
}

// newAtlasHop has the answers address by address, and after them a star for
// each probe that was lost: which one it was is not known.
func newAtlasHop(h probe.Hop) atlasHop {
	out := atlasHop{Hop: h.TTL, Result: []atlasAnswer{}}
	for _, answer := range h.Answers {
		for _, rtt := range answer.RTTs {
			out.Result = append(out.Result, newAtlasAnswer(answer, rtt))
		}
	}
	for range h.Sent - h.Received() {
		out.Result = append(out.Result, atlasAnswer{Lost: "*"})
	}
	return out
}

func newAtlasAnswer(a probe.Answer, rtt time.Duration) atlasAnswer {
	ms := millis(rtt)
	out := atlasAnswer{RTT: &ms, Err: strings.TrimPrefix(a.Mark, "!")}
	if a.Addr != (netip.Addr{}) {
		out.From = a.Addr.String()
	}
	if len(a.Labels) == 0 {
		return out
	}
	object := atlasObject{Class: 1, Type: 1}
	for _, l := range a.Labels {
		label := atlasLabel{Class: l.Class, Value: l.Value, TTL: l.TTL}
		if l.Bottom {
			label.Bottom = 1
		}
		object.Labels = append(object.Labels, label)
	}
	out.ICMP = &atlasExtensions{Version: 2, RFC4884: 1, Objects: []atlasObject{object}}
	return out
}
