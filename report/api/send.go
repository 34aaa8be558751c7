package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
)

// ageHeader has the age of what is shown in whole seconds. It is a header, since an
// answer whose body changed every second could never be found unchanged.
const ageHeader = "Matrix-Age"

// send sends an answer, packed if that is wanted, or says that it has not changed.
func (s *server) send(w http.ResponseWriter, r *http.Request, a *answer) error {
	b, err := s.shelf.body(r.Context(), r.URL.Path+"?"+r.URL.Query().Encode(), a)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache") // ask each time whether it has changed
	h.Add("Vary", "Accept-Encoding")
	if a.policy != "" {
		h.Set("Content-Security-Policy", a.policy)
		h.Set("Referrer-Policy", "no-referrer")
	}
	if !a.age.IsZero() {
		h.Set(ageHeader, strconv.Itoa(max(0, int(s.Now().Sub(a.age).Seconds()))))
	}
	text, tag := b.packed, b.tag+"-gzip"
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
	} else if text, err = b.plain(); err != nil {
		return err
	} else {
		tag = b.tag
	}
	h.Set("ETag", strconv.Quote(tag))
	whole := r.Clone(r.Context())
	whole.Header.Del("Range") // answers are small enough to be had in whole
	h.Set("Content-Length", strconv.Itoa(len(text)))
	http.ServeContent(unranged{w}, whole, "", a.modified, bytes.NewReader(text))
	return nil
}

// unranged does not offer parts.
type unranged struct{ http.ResponseWriter }

func (w unranged) WriteHeader(status int) {
	w.Header().Del("Accept-Ranges")
	w.ResponseWriter.WriteHeader(status)
}

// takesGzip says whether an Accept-Encoding allows gzip.
func takesGzip(values []string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, rest, _ := strings.Cut(part, ";")
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "gzip" && coding != "*" {
			continue
		}
		name, q, weighted := strings.Cut(strings.TrimSpace(rest), "=")
		if !weighted || strings.TrimSpace(strings.ToLower(name)) != "q" {
			return true
		}
		weight, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return err == nil && weight > 0
	}
	return false
}

// body is an answer's text. It is kept packed, which is a sixth of it.
type body struct {
	packed []byte
	size   int    // unpacked
	tag    string // of the text: the same text has the same tag
}

func newBody(write func(io.Writer) error) (*body, error) {
	var packed bytes.Buffer
	packer, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	counted := &counter{w: io.MultiWriter(packer, sum)}
	if err := write(counted); err != nil {
		return nil, err
	}
	if err := packer.Close(); err != nil {
		return nil, err
	}
	return &body{packed.Bytes(), counted.n, base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:15])}, nil
}

type counter struct {
	w io.Writer
	n int
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += n
	return n, err
}

func (b *body) plain() ([]byte, error) {
	unpacker, err := gzip.NewReader(bytes.NewReader(b.packed))
	if err != nil {
		return nil, fmt.Errorf("unpack an answer: %w", err)
	}
	text := make([]byte, b.size)
	if _, err := io.ReadFull(unpacker, text); err != nil {
		return nil, fmt.Errorf("unpack an answer: %w", err)
	}
	return text, nil
}

// Answers that are kept, and how many are made at a time: a large one takes a
// second of a processor.
const (
	shelfBytes = 32 << 20
	makers     = 2
)

// shelf keeps answers until what they were made of has changed.
type shelf struct {
	makers chan struct{}

	mu    sync.Mutex
	kept  map[string]*keptBody // by address
	bytes int
}

type keptBody struct {
	source any
	fresh  bool
	*body
}

func newShelf() *shelf {
	return &shelf{makers: make(chan struct{}, makers), kept: map[string]*keptBody{}}
}

// body is the text of an answer, made or found.
func (s *shelf) body(ctx context.Context, address string, a *answer) (*body, error) {
	if b := s.find(address, a); b != nil {
		return b, nil
	}
	select {
	case s.makers <- struct{}{}:
		defer func() { <-s.makers }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if b := s.find(address, a); b != nil { // somebody else made it meanwhile
		return b, nil
	}
	b, err := newBody(a.write)
	if err == nil {
		s.keep(address, a, b)
	}
	return b, err
}

func (s *shelf) find(address string, a *answer) *body {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.kept[address]; a.source != nil && k != nil && k.source == a.source && k.fresh == a.fresh {
		return k.body
	}
	return nil
}

func (s *shelf) keep(address string, a *answer, b *body) {
	if a.source == nil || len(b.packed) > shelfBytes {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Answers that nobody asks for again must not hold the report of before, which
	// takes far more than they do.
	for other, old := range s.kept {
		if other == address || old.source != a.source && reflect.TypeOf(old.source) == reflect.TypeOf(a.source) {
			s.bytes -= len(old.packed)
			delete(s.kept, other)
		}
	}
	if s.bytes+len(b.packed) > shelfBytes {
		clear(s.kept)
		s.bytes = 0
	}
	s.kept[address] = &keptBody{a.source, a.fresh, b}
	s.bytes += len(b.packed)
}

// moment is a time in UTC, or null for none.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
