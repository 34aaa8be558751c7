package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// problem is an answer that is none, as RFC 9457 has it.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`

	retry time.Duration // when to ask again; 0: not said
}

func (p *problem) Error() string { return p.Detail }

func asProblem(err error, into **problem) bool { return errors.As(err, into) }

func newProblem(status int, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

func fail(w http.ResponseWriter, status int, detail string) { newProblem(status, "%s", detail).send(w) }

func (p *problem) send(w http.ResponseWriter) {
	h := w.Header()
	for _, of := range []string{"ETag", "Last-Modified", "Content-Encoding", ageHeader} {
		h.Del(of)
	}
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.retry > 0 {
		h.Set("Retry-After", strconv.Itoa(int(p.retry.Seconds()+1)))
	}
	text, err := json.Marshal(p)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(text, '\n')) // who does not listen any more needs no answer
}

// reading lets only those pass who want to read.
func reading(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	fail(w, http.StatusMethodNotAllowed, "this address can be read, by GET or HEAD, and nothing else")
	return false
}

// params are those of a query, each known and there at most once.
func params(query string, known []string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("the query cannot be read: %v", err)
	}
	found := map[string]string{}
	for name, list := range values {
		switch {
		case !slices.Contains(known, name) && len(known) == 0:
			return nil, fmt.Errorf("there is no parameter %q: this address has none", name)
		case !slices.Contains(known, name):
			return nil, fmt.Errorf("there is no parameter %q: want %s", name, strings.Join(known, ", "))
		case len(list) > 1:
			return nil, fmt.Errorf("the parameter %s is there %d times", name, len(list))
		}
		found[name] = list[0]
	}
	return found, nil
}
