package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// traceRow is the schema of traces; docs/history.md describes the columns.
type traceRow struct {
	Round    string   `parquet:"round,dict"`
	From     string   `parquet:"from,dict"`
	To       string   `parquet:"to,dict"`
	At       int64    `parquet:"at,timestamp(microsecond)"`
	Address  string   `parquet:"address"`
	Method   string   `parquet:"method,dict"`
	Flow     int32    `parquet:"flow"`
	Size     int32    `parquet:"size_bytes"`
	TOS      int32    `parquet:"tos"`
	DF       bool     `parquet:"df"`
	Source   string   `parquet:"source,optional"`
	End      string   `parquet:"end,dict"`
	Reason   string   `parquet:"reason,optional"`
	Hint     string   `parquet:"hint,optional"`
	Stamps   string   `parquet:"stamps,optional,dict"`
	Fallback string   `parquet:"fallback,optional"`
	Hops     []hopRow `parquet:"hops,list"`
}

type hopRow struct {
	TTL        int32       `parquet:"ttl"`
	Sent       int32       `parquet:"sent"`
	Duplicates int32       `parquet:"duplicates"`
	Late       int32       `parquet:"late"`
	Answers    []answerRow `parquet:"answers,list"`
}

type answerRow struct {
	Address string     `parquet:"address"`
	Name    string     `parquet:"name,optional"`
	RTTs    []int32    `parquet:"rtts_us,list"`
	Mark    string     `parquet:"mark,optional"`
	Labels  []labelRow `parquet:"labels,list"`
}

type labelRow struct {
	Label int32 `parquet:"label"`
	Class int32 `parquet:"tc"`
	S     bool  `parquet:"s"`
	TTL   int32 `parquet:"ttl"`
}

// SaveTraces adds the traceroutes that were taken with a round, or after it
// because of what it showed. They are in a file of their own.
func (h *History) SaveTraces(ctx context.Context, round Saved, traces []probe.Trace) (path string, err error) {
	return h.saveTraces(ctx, round, traces, "")
}

// SaveLooks adds what was found when anomalies of a saved round were looked
// into: their traceroutes, and beside them all that the round's Looks say.
func (h *History) SaveLooks(ctx context.Context, round Saved, r *probe.Round) (path string, err error) {
	text, err := headerOf(r)
	if err != nil {
		return "", fmt.Errorf("save traces: %w", err)
	}
	var traces []probe.Trace
	for _, look := range r.Looks {
		traces = append(traces, look.Traces...)
	}
	return h.saveTraces(ctx, round, traces, text)
}

func (h *History) saveTraces(ctx context.Context, round Saved, traces []probe.Trace, looks string) (path string, err error) {
	start, err := startOf(round.ID)
	if err != nil {
		return "", fmt.Errorf("save traces: %w", err)
	}
	rows := make([]traceRow, len(traces))
	for i := range traces {
		if rows[i], err = rowOfTrace(round.ID, &traces[i]); err != nil {
			return "", fmt.Errorf("save traces: %w", err)
		}
	}
	key, err := h.put(ctx, folderOf(tracesFolder, MonthOf(start)), round.ID, func(w io.Writer) error {
		out := parquet.NewGenericWriter[traceRow](w, writerOptions()...)
		if looks != "" {
			out.SetKeyValueMetadata(looksKey, looks)
		}
		if _, err := out.Write(rows); err != nil {
			return err
		}
		return out.Close()
	})
	if err != nil {
		return "", fmt.Errorf("save traces: %w", err)
	}
	return h.store.Where(key), nil
}

func rowOfTrace(round string, t *probe.Trace) (traceRow, error) {
	row := traceRow{
		Round: round, From: t.From, To: t.To, At: t.At.UnixMicro(), Address: t.Address.String(), Method: t.Method.String(),
		Flow: int32(t.Flow), Size: int32(t.Size),
		TOS: int32(t.Sending.TrafficClass), DF: t.Sending.DontFragment, Source: t.Sending.Source, End: t.End.String(), Reason: t.Reason, Hint: t.Hint,
		Stamps: t.Stamps.String(), Fallback: t.Fallback,
	}
	if !t.Address.IsValid() {
		row.Address = ""
	}
	for _, hop := range t.Hops {
		h := hopRow{TTL: int32(hop.TTL), Sent: int32(hop.Sent), Duplicates: int32(hop.Duplicates), Late: int32(hop.Late)}
		for _, answer := range hop.Answers {
			a := answerRow{Address: answer.Addr.String(), Name: answer.Name, Mark: answer.Mark}
			for _, rtt := range answer.RTTs {
				us, err := micros(rtt)
				if err != nil {
					return row, err
				}
				a.RTTs = append(a.RTTs, us)
			}
			for _, l := range answer.Labels {
				a.Labels = append(a.Labels, labelRow{int32(l.Value), int32(l.Class), l.Bottom, int32(l.TTL)})
			}
			h.Answers = append(h.Answers, a)
		}
		row.Hops = append(row.Hops, h)
	}
	return row, nil
}

// Traces are the traceroutes that were taken in a span, in order of time.
func (h *History) Traces(ctx context.Context, from, to time.Time) ([]probe.Trace, error) {
	// A traceroute may be taken after the month of its round is over.
	paths, err := h.tracePaths(ctx, from.AddDate(0, 0, -2), to)
	if err != nil {
		return nil, err
	}
	parts := make([][]probe.Trace, len(paths))
	err = forEach(ctx, len(paths), func(i int) error {
		var err error
		if parts[i], err = readTraces(ctx, h.store, paths[i]); err != nil {
			h.problem(paths[i], err)
			parts[i] = nil
		}
		return nil
	})
	all := slices.DeleteFunc(slices.Concat(parts...), func(t probe.Trace) bool { return t.At.Before(from) || !t.At.Before(to) })
	slices.SortStableFunc(all, func(a, b probe.Trace) int { return a.At.Compare(b.At) })
	return all, h.orUnreachable(err)
}

// tracePaths are the files of traces of the rounds that began in a span.
func (h *History) tracePaths(ctx context.Context, from, to time.Time) ([]string, error) {
	months, err := h.months(ctx, tracesFolder)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, m := range months {
		folder := folderOf(tracesFolder, m)
		entries, err := h.store.List(ctx, folder)
		if err != nil {
			return nil, fmt.Errorf("list the history: %w", err)
		}
		for _, e := range entries {
			name := roundName().FindStringSubmatch(e.Name)
			switch {
			case name != nil:
				if start, err := startOf(name[1]); err == nil && !start.Before(from) && start.Before(to) {
					paths = append(paths, path.Join(folder, e.Name))
				}
			case !strings.HasPrefix(e.Name, ".") && !strings.HasPrefix(e.Name, "_"):
				h.problem(path.Join(folder, e.Name), errForeign)
			}
		}
	}
	return paths, nil
}

// Looks are what was found when anomalies were looked into after the rounds of a
// span, in order of time; of so many rounds at most, the latest. Their traces are
// as they were saved.
func (h *History) Looks(ctx context.Context, from, to time.Time, most int) ([]probe.Look, error) {
	paths, err := h.tracePaths(ctx, from, to)
	if err != nil {
		return nil, h.orUnreachable(err)
	}
	slices.SortFunc(paths, func(a, b string) int { return cmp.Compare(path.Base(a), path.Base(b)) })
	var all []probe.Look
	for _, key := range paths[max(0, len(paths)-most):] {
		looks, err := readLooks(ctx, h.store, key)
		if err != nil {
			h.problem(key, err)
			continue
		}
		all = append(all, looks...)
	}
	return all, h.orUnreachable(ctx.Err())
}

// addLooks gives rounds what was found when their anomalies were looked into.
func (h *History) addLooks(ctx context.Context, s *span, rounds []*probe.Round) error {
	if len(rounds) == 0 {
		return nil
	}
	paths, err := h.tracePaths(ctx, s.rounds[0].Start.Truncate(time.Second), s.rounds[len(rounds)-1].Start.Add(time.Second))
	for _, key := range paths {
		i, ok := s.number[roundName().FindStringSubmatch(path.Base(key))[1]]
		if !ok {
			continue
		}
		looks, err := readLooks(ctx, h.store, key)
		if err != nil {
			h.problem(key, err)
			continue
		}
		rounds[i].Looks = append(rounds[i].Looks, looks...)
	}
	return err
}

func readLooks(ctx context.Context, st Store, key string) ([]probe.Look, error) {
	file, pq, err := openParquet(ctx, st, key)
	if err != nil {
		return nil, err
	}
	text, ok := pq.Lookup(looksKey)
	if err := file.Close(); err != nil || !ok {
		return nil, err
	}
	r, err := readHeader(text, path.Base(key))
	if err != nil {
		return nil, err
	}
	return r.Looks, nil
}

// readTraces reads a file of traces whole.
func readTraces(ctx context.Context, st Store, key string) (traces []probe.Trace, err error) {
	file, pq, err := openParquet(ctx, st, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = guard(func() error {
		if !parquet.EqualNodes(pq.Schema(), parquet.SchemaOf(traceRow{})) {
			return errors.New("it is no file of traces")
		}
		in := parquet.NewGenericReader[traceRow](pq)
		rows := make([]traceRow, min(pq.NumRows(), 1<<20))
		n, err := in.Read(rows)
		if err != nil && !errors.Is(err, io.EOF) || n < len(rows) {
			return fmt.Errorf("%d of %d traces: %w", n, pq.NumRows(), err)
		}
		for i := range rows {
			t, err := rows[i].trace()
			if err != nil {
				return err
			}
			traces = append(traces, t)
		}
		return in.Close()
	})
	return traces, err
}

// trace is a row as it was saved, if it can be true.
func (row *traceRow) trace() (probe.Trace, error) {
	t := probe.Trace{
		At: time.UnixMicro(row.At).UTC(), Flow: int(row.Flow), Size: int(row.Size),
		Sending: probe.Sending{TrafficClass: int(row.TOS), DontFragment: row.DF, Source: probe.Clean(row.Source, 60)}, Reason: probe.Clean(row.Reason, 500),
		Hint: probe.Clean(row.Hint, 500), Fallback: probe.Clean(row.Fallback, 500),
	}
	if err := t.Sending.Check(); err != nil {
		return t, err
	}
	var err error
	if t.From, err = cityName(row.From); err != nil {
		return t, err
	}
	if t.To, err = cityName(row.To); err != nil {
		return t, err
	}
	if err := errors.Join(t.End.UnmarshalText([]byte(row.End)), t.Stamps.UnmarshalText([]byte(row.Stamps))); err != nil {
		return t, err
	}
	if row.Address != "" {
		if t.Address, err = netip.ParseAddr(row.Address); err != nil {
			return t, err
		}
	}
	if t.End != probe.NoTraceRoute || row.Method != "" {
		if err := t.Method.UnmarshalText([]byte(row.Method)); err != nil {
			return t, err
		}
	}
	for i := range row.Hops {
		hop, err := row.Hops[i].hop()
		if err != nil {
			return t, err
		}
		t.Hops = append(t.Hops, hop)
	}
	return t, nil
}

func (row *hopRow) hop() (probe.Hop, error) {
	if min(row.TTL, row.Sent, row.Duplicates, row.Late) < 0 {
		return probe.Hop{}, errors.New("a hop with less than nothing")
	}
	h := probe.Hop{TTL: int(row.TTL), Sent: int(row.Sent), Duplicates: int(row.Duplicates), Late: int(row.Late)}
	for _, a := range row.Answers {
		address, err := netip.ParseAddr(a.Address)
		if err != nil {
			return h, err
		}
		answer := probe.Answer{Addr: address, Name: probe.Clean(a.Name, 255), Mark: probe.Clean(a.Mark, 10)}
		if err := notBelowZero(a.RTTs); err != nil {
			return h, err
		}
		for _, us := range a.RTTs {
			answer.RTTs = append(answer.RTTs, time.Duration(us)*time.Microsecond)
		}
		for _, l := range a.Labels {
			answer.Labels = append(answer.Labels, probe.Label{Value: uint32(l.Label), Class: uint8(l.Class), Bottom: l.S, TTL: uint8(l.TTL)})
		}
		h.Answers = append(h.Answers, answer)
	}
	return h, nil
}
