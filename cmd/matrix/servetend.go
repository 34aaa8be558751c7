package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"matrix/data/history"
	"matrix/probe/bus"
	"matrix/report"
	"matrix/report/live"
)

const (
	// pageShare is how much of the time may go into the month's pages: after they
	// took so long, they are left for so many times as long.
	pageShare = 10
	// latePublish is how long after a month its last rounds may still come in.
	latePublish = 10 * time.Minute
	// lastFolder is where on the website the pages of the last round are.
	lastFolder = "last"
)

// tendNow says that there is a round more.
func (s *service) tendNow() {
	select {
	case s.tended <- struct{}{}:
	default: // it is told already
	}
}

// tend keeps the website and the history in order, beside the rounds.
func (s *service) tend(ctx context.Context) {
	t := tending{service: s, compacted: map[history.Month]bool{}}
	for {
		t.once(ctx)
		select {
		case <-ctx.Done():
			return
		case <-s.tended:
		}
	}
}

// tending is what tend remembers.
type tending struct {
	*service
	rested    time.Time // when the month's pages may be made again
	compacted map[history.Month]bool
}

// once does what is to be done after a round.
func (t *tending) once(ctx context.Context) {
	r := t.regime.Load()
	err := t.publishLast(r)
	if err == nil {
		err = t.publishMonths(ctx, r)
	}
	if ctx.Err() != nil {
		return
	}
	t.trouble("site", err)
	err = t.alone(ctx, func() error { return errors.Join(t.compactPast(ctx, r), t.dropOld(ctx, r)) })
	if ctx.Err() == nil && !errors.Is(err, bus.ErrTaken) {
		t.trouble("old rounds", err)
	}
}

// alone does what other services with the same history should not do at the same
// time; bus.ErrTaken: one of them is at it, and that will do.
func (t *tending) alone(ctx context.Context, do func() error) error {
	if t.crossing == nil {
		return do()
	}
	release, err := t.crossing.bus.Alone(ctx, "tending")
	if err != nil {
		return err
	}
	defer release()
	return do()
}

// publishLast writes the pages of the last round.
func (t *tending) publishLast(r *regime) error {
	now := t.board.Current()
	if r.site == "" || now.Report == nil {
		return nil
	}
	if _, err := os.Stat(r.site); err != nil {
		return nil // the month's pages come first: they make the site
	}
	_, err := saveAll(filepath.Join(r.site, lastFolder), files(now.Report, now.Round))
	return err
}

// publishMonths brings the pages of the last round's month up to date, and once
// more those of the month before when it is over.
func (t *tending) publishMonths(ctx context.Context, r *regime) error {
	last := t.board.Current().Round
	if last == nil || time.Now().Before(t.rested) {
		return nil
	}
	began := time.Now()
	defer func() { t.rested = time.Now().Add(pageShare * time.Since(began)) }()
	month := history.MonthOf(last.Start)
	before := history.MonthOf(month.Start().Add(-time.Hour))
	if t.unfinished(r, before) {
		if _, err := t.publish(ctx, r, before); err != nil && !errors.Is(err, errNoMonth) {
			return err
		}
	}
	m, err := t.publish(ctx, r, month)
	if errors.Is(err, errNoMonth) {
		return nil
	}
	if err == nil {
		t.board.Change(func(b *live.Snapshot) { b.Month = m })
	}
	return err
}

// unfinished says whether the pages of a past month were made before it was over.
func (t *tending) unfinished(r *regime, m history.Month) bool {
	if r.site == "" || time.Since(m.End()) < latePublish {
		return false
	}
	info, err := os.Stat(filepath.Join(r.site, m.String(), "summary.json"))
	return err == nil && info.ModTime().Before(m.End().Add(latePublish))
}

// errNoMonth says that there are no rounds of a month.
var errNoMonth = errors.New("no rounds")

// publish makes the report of a month, and its pages if there is a website.
func (t *tending) publish(ctx context.Context, r *regime, m history.Month) (*report.MonthReport, error) {
	o := reportFlags{measureFlags: r.measureFlags, month: m.String()}
	o.quiet, o.out = true, r.site
	options, err := o.monthOptions()
	if err != nil {
		return nil, err
	}
	h, err := openHistory(r.history)
	if err != nil {
		return nil, err
	}
	if rounds, err := h.IDs(ctx, m.Start(), m.End()); err != nil || len(rounds) == 0 {
		return nil, errors.Join(err, errNoMonth)
	}
	report, err := o.report(ctx, h, options, t.std)
	if err != nil || r.site == "" {
		return report, err
	}
	if err := o.publish(ctx, h, report, t.std); err != nil {
		return nil, err
	}
	return report, t.publishLast(r)
}

// compactPast merges the rounds of months that are over into one file each.
func (t *tending) compactPast(ctx context.Context, r *regime) error {
	h, err := openHistory(r.history)
	if err != nil {
		return err
	}
	months, err := h.Months(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		if t.compacted[m] || time.Since(m.End()) < latePublish {
			continue
		}
		rounds, err := h.List(ctx, m.Start(), m.End())
		if err != nil {
			return err
		}
		if hasLoose(rounds) {
			done, err := h.Compact(ctx, m, nil)
			if err != nil {
				return err
			}
			t.say("compacted %v: %s", m, compacted(done))
		}
		t.compacted[m] = true
	}
	return nil
}

// hasLoose says whether a round is in a file of its own.
func hasLoose(rounds []history.Info) bool {
	for _, r := range rounds {
		if !r.Compacted {
			return true
		}
	}
	return false
}

// dropOld drops months that are older than is to be kept.
func (t *tending) dropOld(ctx context.Context, r *regime) error {
	if r.keepFor == 0 {
		return nil
	}
	h, err := openHistory(r.history)
	if err != nil {
		return err
	}
	months, err := h.Months(ctx)
	if err != nil {
		return err
	}
	for _, m := range months {
		if time.Since(m.End()) < r.keepFor {
			continue
		}
		n, err := h.Drop(ctx, m)
		if err != nil {
			return fmt.Errorf("--keep: %w", err)
		}
		if n == 0 {
			continue // what is left of the month is not ours
		}
		t.say("dropped %v, which ended more than %s ago: %s", m, r.keep, count(n, "file"))
	}
	return nil
}
