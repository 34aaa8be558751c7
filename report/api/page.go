package api

import (
	"io"
	"net/http"

	"matrix/report/site"
)

// pages are the addresses of the live page.
var pages = []route{
	{"{$}", nil, (*asked).livePage},
	{site.LiveState, nil, (*asked).livePart},
	{site.LiveRound, nil, (*asked).roundPage},
	{site.LiveStyle, []string{version}, asset("text/css; charset=utf-8", func() string { style, _ := site.LiveAssets(); return style })},
	{site.LiveScript, []string{version}, asset("text/javascript; charset=utf-8", func() string { _, script := site.LiveAssets(); return script })},
}

// version is with which the page asks for its own style sheet and script, and not
// for those of the program before.
const version = "v"

const htmlKind = "text/html; charset=utf-8"

// Page serves the live page at / and what it refers to. It answers nothing else.
func Page(service Service, options Options) http.Handler {
	return newServer(service, options).mux("/", pages)
}

func (q *asked) livePage() (*answer, error) {
	return q.page(site.LivePolicy, func(w io.Writer) error { return site.Live(w, q.Snapshot, q.now) }), nil
}

func (q *asked) livePart() (*answer, error) {
	return q.page(site.LivePolicy, func(w io.Writer) error { return site.LiveStatePart(w, q.Snapshot, q.now) }), nil
}

// page is one whose text changes from minute to minute, so that it is not kept.
func (q *asked) page(policy string, write func(io.Writer) error) *answer {
	return &answer{kind: htmlKind, policy: policy, age: q.Ended(), write: write}
}

// roundPage is the page of the round that --out writes, as index.html. It says
// itself of which time it is.
func (q *asked) roundPage() (*answer, error) {
	if q.Report == nil {
		return nil, q.none("no round has been measured yet")
	}
	return &answer{
		kind: htmlKind, policy: site.PagePolicy(q.Report) + "; frame-ancestors 'none'", modified: q.Ended(), age: q.Ended(), source: q.Report,
		write: func(w io.Writer) error { return site.Page(w, q.Report) },
	}, nil
}

func asset(kind string, text func() string) func(*asked) (*answer, error) {
	return func(*asked) (*answer, error) {
		return &answer{kind: kind, source: htmlKind, write: func(w io.Writer) error {
			_, err := io.WriteString(w, text())
			return err
		}}, nil
	}
}
