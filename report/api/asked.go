package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"matrix/report"
	"matrix/report/export"
	"matrix/report/live"
)

// asked is one request, and the moment of the service that answers it.
type asked struct {
	*live.Snapshot
	now     time.Time
	request *http.Request
	query   map[string]string
}

// answer is what is sent.
type answer struct {
	kind     string    // of content
	policy   string    // Content-Security-Policy; "" none
	modified time.Time // what it shows was so since then; zero: not known
	age      time.Time // what it shows is of that time; zero: it shows nothing that ages
	source   any       // a pointer: as long as it and fresh are the same, so is the answer; nil: it is not kept
	fresh    bool
	write    func(io.Writer) error
}

const jsonKind = "application/json"

// Head is what every answer with figures begins with.
type Head struct {
	MeasuredAt *time.Time `json:"measured_at"` // end of the round; null before the first
	StaleAt    *time.Time `json:"stale_at"`    // from then on it must not be taken for the present
	Stale      bool       `json:"stale"`
}

func (q *asked) head() Head {
	h := Head{Stale: q.Stale(q.now)}
	if ended := q.Ended(); !ended.IsZero() {
		at, until := ended.UTC(), ended.Add(q.MaxAge).UTC()
		h.MeasuredAt, h.StaleAt = &at, &until
	}
	return h
}

// figures is an answer about the last round: what write writes, a JSON object, with
// the head as its first members.
func (q *asked) figures(source any, write func(io.Writer) error) (*answer, error) {
	if q.Report == nil {
		return nil, q.none("no round has been measured yet")
	}
	h := q.head()
	a := &answer{kind: jsonKind, modified: *h.MeasuredAt, age: *h.MeasuredAt, source: source, fresh: !h.Stale}
	if h.Stale && h.StaleAt.Before(q.now) {
		a.modified = *h.StaleAt // from then on it says that it is stale
	}
	a.write = func(w io.Writer) error { return withHead(w, h, write) }
	return a, nil
}

// none is that something is not there yet.
func (q *asked) none(what string) *problem {
	p := newProblem(http.StatusServiceUnavailable, "%s; %sstatus says when the next round is", what, Root)
	p.retry = max(0, q.Next.Sub(q.now))
	return p
}

// withHead writes the members of a head and those of the object that write writes
// as one object.
func withHead(w io.Writer, head any, write func(io.Writer) error) error {
	var rest bytes.Buffer
	if err := write(&rest); err != nil {
		return err
	}
	first, err := json.Marshal(head)
	if err != nil {
		return err
	}
	body := rest.Bytes()
	if len(body) == 0 || body[0] != '{' {
		return fmt.Errorf("no JSON object to put a head on: %.20q", body)
	}
	if _, err := w.Write(append(first[:len(first)-1], ',')); err != nil {
		return err
	}
	_, err = w.Write(body[1:])
	return err
}

func (q *asked) round() (*answer, error) {
	return q.figures(q.Report, func(w io.Writer) error { return export.JSON(w, q.Report) })
}

func (q *asked) verdicts() (*answer, error) {
	return q.figures(q.Report, func(w io.Writer) error { return export.VerdictsJSON(w, q.Report) })
}

func (q *asked) cities() (*answer, error) {
	return q.figures(q.Report, func(w io.Writer) error { return export.CitiesJSON(w, q.Report) })
}

func (q *asked) matrix() (*answer, error) {
	metric := report.RTT
	if word, ok := q.query["metric"]; ok {
		if err := metric.UnmarshalText([]byte(word)); err != nil {
			return nil, newProblem(http.StatusBadRequest, "metric: %v", err)
		}
	}
	stat, chosen := report.Avg, false
	if word, ok := q.query["stat"]; ok {
		if err := stat.UnmarshalText([]byte(word)); err != nil {
			return nil, newProblem(http.StatusBadRequest, "stat: %v", err)
		}
		if stat == report.Mdev || stat == report.Jitter {
			return nil, newProblem(http.StatusBadRequest, "stat: want min, median, avg or max")
		}
		if metric == report.Loss || metric == report.Distance {
			return nil, newProblem(http.StatusBadRequest, "stat: %v has no statistics", metric)
		}
		chosen = true
	}
	return q.figures(q.Report, func(w io.Writer) error {
		r := q.Report
		if chosen {
			r = r.InStat(stat)
		}
		return export.MatrixJSON(w, r, metric)
	})
}

func (q *asked) city() (*answer, error) {
	name := q.request.PathValue("city")
	return q.known(q.cityIs(name), name, func(w io.Writer) error {
		_, err := export.CityJSON(w, q.Report, name)
		return err
	})
}

func (q *asked) pair() (*answer, error) {
	from, to := q.request.PathValue("from"), q.request.PathValue("to")
	for _, name := range []string{from, to} {
		if !q.cityIs(name) {
			return q.known(false, name, nil)
		}
	}
	if q.Report != nil && q.Report.Pair(from, to) == nil && q.Report.Pair(to, from) == nil {
		return nil, newProblem(http.StatusNotFound, "the last round has nothing on %q and %q", from, to)
	}
	return q.figures(nil, func(w io.Writer) error {
		_, err := export.PairJSON(w, q.Report, from, to)
		return err
	})
}

func (q *asked) cityIs(name string) bool {
	if q.Report == nil {
		return true // not known yet
	}
	for _, c := range q.Report.Cities {
		if c.Name == name {
			return true
		}
	}
	return false
}

func (q *asked) known(is bool, name string, write func(io.Writer) error) (*answer, error) {
	if !is {
		return nil, newProblem(http.StatusNotFound, "there is no city %q; %scities lists them", report.Clean(name, 60), Root)
	}
	return q.figures(nil, write)
}

func (q *asked) rounds() (*answer, error) {
	return q.figures(nil, func(w io.Writer) error { return export.RoundsJSON(w, q.Recent) })
}

func (q *asked) month() (*answer, error) {
	if q.Month == nil {
		return nil, q.none("the month has not been read yet")
	}
	return q.figures(q.Month, func(w io.Writer) error { return export.MonthJSON(w, q.Month) })
}

func (q *asked) description() (*answer, error) {
	return &answer{kind: jsonKind, source: &openAPI, fresh: true, write: func(w io.Writer) error {
		_, err := w.Write(openAPI)
		return err
	}}, nil
}
