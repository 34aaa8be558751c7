package probe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Trace makes traceroutes, all of them at once: a session for each job, opened
// in the city that it is from. Every flow of every job ends as a Trace, in the
// order of the jobs; what failed is in there. When ctx is done they end with
// what there is.
func (c *Coordinator) Trace(ctx context.Context, cities []City, jobs []TraceJob) []Trace {
	limits := c.Limits.withDefaults()
	r := &run{Coordinator: c, limits: limits, log: c.Log, dials: make(chan struct{}, limits.Dials)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	byName := make(map[string]City, len(cities))
	for _, city := range cities {
		byName[city.Name] = city
	}
	found := make([][]Trace, len(jobs))
	var all sync.WaitGroup
	for i, job := range jobs {
		all.Go(func() { found[i] = r.traceHost(ctx, byName[job.From], job) })
	}
	all.Wait()
	var traces []Trace
	for _, some := range found {
		traces = append(traces, some...)
	}
	return traces
}

// traceHost does all that concerns one job. A panic in a session, or a session
// that does not end with its context, costs its own traces only.
func (r *run) traceHost(ctx context.Context, city City, job TraceJob) []Trace {
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Open+job.Length()+r.limits.Grace, errOutOfTime)
	defer cancel()
	t := newTraceRun(job)
	ended := make(chan error, 1)
	go func() { ended <- r.traceSession(ctx, city, job, t.take) }()
	select {
	case err := <-ended:
		return t.close(err)
	case <-ctx.Done():
	}
	abandon := time.NewTimer(r.limits.Grace)
	defer abandon.Stop()
	select {
	case err := <-ended:
		return t.close(err)
	case <-abandon.C:
		return t.close(context.Cause(ctx))
	}
}

func (r *run) traceSession(ctx context.Context, city City, job TraceJob, emit func(Trace)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	session, _, err := r.openInTurn(ctx, city)
	if err != nil {
		return err
	}
	defer session.Close()
	r.log.Debug("ready", "from", job.From, "version", Clean(session.Version(), 60))
	ctx, cancel := context.WithTimeoutCause(ctx, job.Length()+r.limits.Grace, errOutOfTime)
	defer cancel()
	return TraceWith(ctx, session, job, emit)
}

// traceRun gathers the traces of one job.
type traceRun struct {
	job   TraceJob
	began time.Time

	mu     sync.Mutex
	traces []Trace // by flow; the zero Trace where none came
	lie    error   // why what came cannot be true
	over   bool
}

func newTraceRun(job TraceJob) *traceRun {
	t := &traceRun{job: job, began: time.Now().UTC(), traces: make([]Trace, job.Flows)}
	for flow := range t.traces {
		t.traces[flow] = Trace{Pair: job.Pair, Address: job.Addr, Method: job.Method, Flow: flow, Size: job.Size, Sending: job.Sending, At: t.began}
	}
	return t
}

// take takes one trace in. What a far side says of whom it traced, and when, is
// known better here.
func (t *traceRun) take(trace Trace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := trace.Check(t.job); err != nil {
		t.lie = err
		return
	}
	if t.over {
		return
	}
	trace.Pair, trace.Address, trace.Size, trace.Sending, trace.At = t.job.Pair, t.job.Addr, t.job.Size, t.job.Sending, t.began
	trace.Reason, trace.Fallback, trace.Hint = Clean(trace.Reason, 300), Clean(trace.Fallback, 300), ""
	t.traces[trace.Flow] = trace
}

// close ends the gathering: flows without a trace get the reason.
func (t *traceRun) close(err error) []Trace {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
	if err == nil && t.lie != nil {
		err = &HostError{Op: "trace", Err: fmt.Errorf("its answer cannot be true: %w", t.lie)}
	}
	for flow := range t.traces {
		trace := &t.traces[flow]
		if err == nil || trace.End != Unfinished || len(trace.Hops) > 0 {
			continue
		}
		trace.Reason, trace.Hint = Clean(err.Error(), 300), hintOf(err)
		if !errors.Is(err, context.Canceled) {
			trace.End = TraceFailed
		}
	}
	return t.traces
}

// Namer looks the name of an address up; *net.Resolver is one.
type Namer interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
}

var _ Namer = (*net.Resolver)(nil)

// routerName accepts what a name in the DNS looks like (RFC 1123, and the
// underscores that some operators use).
var routerName = Pattern(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*$`)

// NameHops looks the names of all routers up, each once, within a time limit:
// what is not known then stays an address. Whoever owns an address writes its
// name, so one that is no host name, or looks like an address, is dropped.
func NameHops(ctx context.Context, namer Namer, traces []Trace, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var (
		mu    sync.Mutex
		names = map[netip.Addr]string{}
		all   sync.WaitGroup
		room  = make(chan struct{}, lookups)
	)
	for a := range answers(traces) {
		names[a.Addr] = ""
	}
	asked := make([]netip.Addr, 0, len(names))
	for addr := range names {
		asked = append(asked, addr)
	}
	for _, addr := range asked {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			name := nameOf(ctx, namer, addr)
			mu.Lock()
			defer mu.Unlock()
			names[addr] = name
		})
	}
	all.Wait()
	for a := range answers(traces) {
		a.Name = names[a.Addr]
	}
}

// answers goes over all answers of all traces.
func answers(traces []Trace) func(yield func(*Answer) bool) {
	return func(yield func(*Answer) bool) {
		for i := range traces {
			for _, h := range traces[i].Hops {
				for k := range h.Answers {
					if !yield(&h.Answers[k]) {
						return
					}
				}
			}
		}
	}
}

func nameOf(ctx context.Context, namer Namer, addr netip.Addr) string {
	names, err := namer.LookupAddr(ctx, addr.WithZone("").String())
	if err != nil || len(names) == 0 {
		return ""
	}
	name := strings.TrimSuffix(names[0], ".")
	if len(name) > 253 || !routerName().MatchString(name) || Clean(name, 253) != name {
		return ""
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return ""
	}
	return name
}
