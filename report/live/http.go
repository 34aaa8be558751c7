package live

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

// health is what /healthz answers.
type health struct {
	Status  string    `json:"status"` // "ok", "starting" or "stale"
	Ended   *string   `json:"last_round_ended"`
	Age     *float64  `json:"age_seconds"`
	MaxAge  float64   `json:"max_age_seconds"`
	Next    *string   `json:"next_round"`
	Trouble []Trouble `json:"trouble"`
}

// Health answers 200 while the last round is fresh, and as long after the start
// as the first round may take; 503 if it is stale.
func Health(b *Board, now func() time.Time) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !read(w, r) {
			return
		}
		s := b.Current()
		answer, status := s.health(now()), http.StatusOK
		if answer.Status == "stale" {
			status = http.StatusServiceUnavailable
		}
		text, err := json.MarshalIndent(answer, "", "  ")
		if err != nil {
			http.Error(w, "the state cannot be written", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = w.Write(append(text, '\n')) // who asked may have gone
	})
}

func (s *Snapshot) health(now time.Time) health {
	h := health{Status: "ok", MaxAge: s.MaxAge.Seconds(), Next: stamp(s.Next), Ended: stamp(s.Ended()), Trouble: s.Trouble}
	if h.Trouble == nil {
		h.Trouble = []Trouble{}
	}
	if h.Ended != nil {
		age := float64(now.Sub(s.Ended()).Milliseconds()) / 1000
		h.Age = &age
	}
	switch {
	case !s.Stale(now):
	case now.Sub(s.Began) <= s.MaxAge:
		h.Status = "starting"
	default:
		h.Status = "stale"
	}
	return h
}

func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}

// read refuses what is not for reading.
func read(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "there is nothing here to change", http.StatusMethodNotAllowed)
	return false
}

// Pages serves the website in a folder. The folder may be replaced by another at
// any time. Files whose names begin with a dot are nobody's business, and
// folders are not listed.
func Pages(folder string) http.Handler {
	files := http.FileServer(published{http.Dir(folder)})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !read(w, r) {
			return
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache") // the next round may have changed it
		files.ServeHTTP(w, r)
	})
}

// published is a folder without what is hidden in it.
type published struct{ http.FileSystem }

func (p published) Open(name string) (http.File, error) {
	for _, part := range strings.Split(name, "/") {
		if strings.HasPrefix(part, ".") {
			return nil, fs.ErrNotExist
		}
	}
	f, err := p.FileSystem.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.IsDir() {
		index, err := p.FileSystem.Open(path.Join(name, "index.html"))
		if err != nil {
			f.Close()
			return nil, fs.ErrNotExist
		}
		index.Close()
	}
	return f, nil
}
