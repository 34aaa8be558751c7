package data

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"matrix/geo"
	"matrix/probe"
)

// roundReader reads a round.json value by value, and checks what it reads.
type roundReader struct {
	file   string
	dec    *json.Decoder
	budget *budget
	round  *probe.Round
	cities map[string]bool
	pairs  map[probe.Pair]bool
}

func readRoundJSON(in *bufio.Reader, file string) (*probe.Round, error) {
	b := &budget{in: in, left: maxValue}
	r := &roundReader{
		file: file, dec: json.NewDecoder(b), budget: b,
		round:  &probe.Round{},
		cities: make(map[string]bool), pairs: make(map[probe.Pair]bool),
	}
	r.dec.DisallowUnknownFields()
	if err := r.read(); err != nil {
		return nil, r.explain(err)
	}
	return r.round, nil
}

// explain gives an error its line.
func (r *roundReader) explain(err error) error {
	var mistake *FileError
	if errors.As(err, &mistake) {
		return mistake
	}
	r.budget.passed(r.dec.InputOffset())
	problem := strings.TrimPrefix(err.Error(), "json: ")
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		problem = fmt.Sprintf("%s cannot be a %s", wrong.Field, wrong.Value)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		problem = "the file ends too early"
	}
	return r.mistake("%s", probe.Clean(problem, maxReason))
}

func (r *roundReader) mistake(format string, args ...any) *FileError {
	r.budget.passed(r.dec.InputOffset())
	return &FileError{File: r.file, Line: r.budget.lines + 1, Problem: fmt.Sprintf(format, args...),
		Hint: "a round.json is not meant to be edited; make it again"}
}

func (r *roundReader) read() error {
	if err := r.delimiter('{'); err != nil {
		return err
	}
	if err := r.format(); err != nil {
		return err
	}
	seen := make(map[string]bool)
	for r.dec.More() {
		key, err := r.key()
		if err != nil {
			return err
		}
		if seen[key] {
			return r.mistake("%q is there twice", shown(key))
		}
		seen[key] = true
		if err := r.member(key); err != nil {
			return err
		}
	}
	if err := r.delimiter('}'); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return r.mistake("text after the end of the round")
	}
	return r.checkPairs()
}

func (r *roundReader) delimiter(want json.Delim) error {
	token, err := r.dec.Token()
	if err != nil {
		return err
	}
	if token != want {
		return r.mistake("%v expected", want)
	}
	return nil
}

func (r *roundReader) key() (string, error) {
	token, err := r.dec.Token()
	if err != nil {
		return "", err
	}
	key, _ := token.(string) // a key of an object is nothing else
	return key, nil
}

// format reads the two members that come first.
func (r *roundReader) format() error {
	key, err := r.key()
	if err != nil {
		return err
	}
	var format string
	if key != "format" || r.value(&format) != nil || format != roundFormat {
		e := r.mistake(`JSON, but not a round: it does not start with "format":"` + roundFormat + `"`)
		e.Hint = wanted
		return e
	}
	if key, err = r.key(); err != nil {
		return err
	}
	var version int
	if key != "format_version" {
		return r.mistake("no format_version after format")
	}
	if err := r.value(&version); err != nil {
		return err
	}
	if version != roundVersion {
		e := r.mistake("format_version %d, but this program reads version %d", version, roundVersion)
		e.Hint = "use the matrix that wrote it, or a newer one"
		return e
	}
	return nil
}

// value decodes the next value.
func (r *roundReader) value(into any) error {
	err := r.dec.Decode(into)
	if err == nil {
		r.budget.passed(r.dec.InputOffset())
	}
	return err
}

func (r *roundReader) member(key string) error {
	round := r.round
	switch key {
	case "start":
		return r.moment(&round.Start)
	case "end":
		return r.moment(&round.End)
	case "source":
		return r.words(&round.Source, maxReason)
	case "version":
		return r.words(&round.Version, maxTitle)
	case "options":
		return r.options()
	case "partial":
		return r.value(&round.Partial)
	case "cities":
		return readList(r, maxCities, r.city)
	case "hosts":
		return readList(r, maxCities, r.host)
	case "warnings":
		return readList(r, 10*maxCities, func(w warningJSON) error {
			round.Warnings = append(round.Warnings, probe.Warning{Subject: probe.Clean(w.Subject, maxReason), Text: probe.Clean(w.Text, maxReason)})
			return nil
		})
	case "samples":
		return readList(r, maxCities*maxCities, func(s sampleJSON) error { return r.sample(s, &round.Samples) })
	case "self":
		return readList(r, maxCities, func(s sampleJSON) error { return r.sample(s, &round.Self) })
	case "looks":
		return readList(r, maxCities, r.look)
	}
	return r.mistake("%q is not a member of a round", shown(key))
}

func (r *roundReader) moment(into *time.Time) error {
	if err := r.value(into); err != nil {
		return err
	}
	at, err := sane(*into)
	if err != nil {
		return r.mistake("%v", err)
	}
	*into = at
	return nil
}

func (r *roundReader) words(into *string, limit int) error {
	err := r.value(into)
	*into = probe.Clean(*into, limit)
	return err
}

// readList decodes a list element by element, so that only one is in memory
// besides what is kept of them.
func readList[T any](r *roundReader, limit int, each func(T) error) error {
	if err := r.delimiter('['); err != nil {
		return err
	}
	for n := 0; r.dec.More(); n++ {
		if n == limit {
			return r.mistake("more than %d entries", limit)
		}
		var one T
		if err := r.value(&one); err != nil {
			return err
		}
		if err := each(one); err != nil {
			return err
		}
	}
	return r.delimiter(']')
}

func (r *roundReader) options() error {
	var o optionsJSON
	if err := r.value(&o); err != nil {
		return err
	}
	if min(o.Count, o.Size, o.Rate) < 0 || min(o.Interval, o.Timeout) < 0 || o.Count > maxSent {
		return r.mistake("options that no round can have")
	}
	if err := o.Sending.Check(); err != nil {
		return r.mistake("options: %v", err)
	}
	r.round.Options = probe.Options{Count: o.Count, Interval: time.Duration(o.Interval),
		Timeout: time.Duration(o.Timeout), Size: o.Size, Rate: o.Rate,
		Sending: o.Sending, Engine: probe.Clean(o.Engine, maxName)}
	return nil
}

func (r *roundReader) city(c probe.City) error {
	switch {
	case c.Name == "" || c.Name != Slug(c.Name) || len([]rune(c.Name)) > maxName:
		return r.mistake("%q is not a city's name", shown(c.Name))
	case r.cities[c.Name]:
		return r.mistake("city %s is there twice", c.Name)
	case c.Host != "" && probe.CheckHost(c.Host) != nil:
		return r.mistake("city %s: %v", c.Name, probe.CheckHost(c.Host))
	case c.SSH != "" && probe.CheckLogin(c.SSH) != nil:
		return r.mistake("city %s: %v", c.Name, probe.CheckLogin(c.SSH))
	}
	if c.Location != nil {
		if _, err := geo.NewPoint(c.Location.Latitude, c.Location.Longitude); err != nil {
			return r.mistake("city %s: %v", c.Name, err)
		}
	}
	for _, text := range []*string{&c.Title, &c.Country, &c.Region, &c.Provider} {
		*text = probe.Clean(*text, maxTitle)
	}
	r.cities[c.Name] = true
	r.round.Cities = append(r.round.Cities, c)
	return nil
}

func (r *roundReader) host(h hostJSON) error {
	r.round.Hosts = append(r.round.Hosts, probe.Host{City: probe.Clean(h.City, maxName), Version: probe.Clean(h.Version, maxTitle),
		Error: probe.Clean(h.Error, maxReason), Hint: probe.Clean(h.Hint, maxReason), Health: h.Health.Sane()})
	return nil
}
