// Package api serves what a service knows over HTTP: as JSON for programs, and as
// a live page for people.
//
//	Service ── Snapshot ─┬─ Handler ── /api/v1/… ─┐
//	                     │                        ├─ ETag, gzip, age of the data
//	                     └─ Page ───── / ─────────┘
//
// An answer is a pure function of one snapshot and the time. What a report is in
// JSON is written by report/export; here it only gets a head that says how old it
// is. Nothing is served as fresh that is not: every answer has the time at which
// it becomes stale, and says so after it.
package api

import (
	_ "embed"
	"log/slog"
	"net/http"
	"time"

	"matrix/report/live"
)

// Service is what is shown. Current is called from several goroutines.
type Service interface {
	Current() *live.Snapshot // never nil, and never changed
}

// Options are how a service is shown.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // of answers that could not be made; nil: nowhere
}

func (o Options) filled() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Root is the path below which Handler answers.
const Root = "/api/v1/"

//go:embed openapi.json
var openAPI []byte

// route is an address of the API.
type route struct {
	path   string   // below Root, a pattern of http.ServeMux
	params []string // of the query
	answer func(*asked) (*answer, error)
}

// routes are all that there are, in the order of the documentation.
var routes = []route{
	{"status", nil, (*asked).status},
	{"round", nil, (*asked).round},
	{"matrix", []string{"metric", "stat"}, (*asked).matrix},
	{"cities", nil, (*asked).cities},
	{"cities/{city}", nil, (*asked).city},
	{"pairs/{from}/{to}", nil, (*asked).pair},
	{"verdicts", nil, (*asked).verdicts},
	{"rounds", nil, (*asked).rounds},
	{"month", nil, (*asked).month},
	{"openapi.json", nil, (*asked).description},
}

// Handler serves the API below Root. It answers nothing else.
func Handler(service Service, options Options) http.Handler {
	return newServer(service, options).mux(Root, routes)
}

type server struct {
	Options
	service Service
	shelf   *shelf
}

func newServer(service Service, options Options) *server {
	return &server{service: service, Options: options.filled(), shelf: newShelf()}
}

// mux serves routes below a path, and says of everything else that it is not there.
func (s *server) mux(root string, routes []route) http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(root+r.path, func(w http.ResponseWriter, request *http.Request) { s.serve(w, request, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "there is nothing at this address; "+Root+"openapi.json says what there is")
	})
	return mux
}

func (s *server) serve(w http.ResponseWriter, r *http.Request, to route) {
	if !reading(w, r) {
		return
	}
	query, err := params(r.URL.RawQuery, to.params)
	if err != nil {
		fail(w, http.StatusBadRequest, err.Error())
		return
	}
	q := &asked{Snapshot: s.service.Current(), now: s.Now(), request: r, query: query}
	a, err := to.answer(q)
	if err == nil {
		err = s.send(w, r, a)
	}
	s.explain(w, r, err)
}

// explain answers with what went wrong, if something did.
func (s *server) explain(w http.ResponseWriter, r *http.Request, err error) {
	switch problem := (*problem)(nil); {
	case err == nil || r.Context().Err() != nil: // the one who asked has gone
	case asProblem(err, &problem):
		problem.send(w)
	default:
		s.Log.Error("an answer could not be made", "path", r.URL.Path, "err", err)
		fail(w, http.StatusInternalServerError, "the answer could not be made; the service's log says why")
	}
}
