package foreign

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"matrix/data"
	"matrix/probe"
)

// Format is how a file is written.
type Format string

const (
	Auto          Format = "auto"          // known by how it starts
	WonderNetwork Format = "wondernetwork" // source,destination,timestamp,min,avg,max,mdev
	Fping         Format = "fping"         // fping -C or -c, or fping --json
	Atlas         Format = "atlas"         // RIPE Atlas results, a JSON list or an object a line
	Ping          Format = "ping"          // iputils ping, one run after the other
	CSV           Format = "csv"           // our own list, with state
	JSON          Format = "json"          // our own round.json, one after the other
)

// Formats lists those that can be read.
func Formats() []Format { return []Format{Auto, WonderNetwork, Fping, Atlas, Ping, CSV, JSON} }

// UnmarshalText reads a format's word.
func (f *Format) UnmarshalText(text []byte) error {
	if !slices.Contains(Formats(), Format(text)) {
		return fmt.Errorf("unknown format %q: want one of %s", probe.Clean(string(text), 40), words(Formats()))
	}
	*f = Format(text)
	return nil
}

func words(formats []Format) string {
	var all []string
	for _, f := range formats {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}

// Import makes rounds of files. The fields are set before the first Read.
type Import struct {
	Inventory *data.Inventory       // whose cities the rounds have; round.json brings its own
	Probes    map[int]string        // name of the city of each RIPE Atlas probe; others are found by address
	Every     time.Duration         // readings of the same such stretch of UTC make a round; 0: an hour
	Family    int                   // 4 or 6: leave out the other one; 0: take both
	Memory    int                   // bytes of readings kept in memory; 0: 64 MiB
	Temp      string                // folder of the temporary file for more than that; "": the system's
	Bad       func(*data.FileError) // is told every line that is not used; may be nil

	lookup *data.Lookup
	spool  *spool
	files  []inputFile
	tally  Tally
}

// inputFile is what a round says of a file that it comes from.
type inputFile struct {
	name    string
	path    string    // as messages call it
	at      time.Time // when it was measured, where it does not say
	hint    string
	product bool // a fleet's list: what it has no row of was to be there
}

// Tally counts what was read.
type Tally struct {
	Readings int   // of pairs
	Bad      int   // lines, or objects of JSON, that could not be used
	Skipped  int   // that are something else: traceroutes, intermediate figures, the other family
	Rounds   int   // handed out
	Spilled  int64 // bytes that went to the temporary file
}

// File is one file to read.
type File struct {
	Name   string
	In     io.Reader
	Format Format    // "" is Auto
	From   string    // the city that measured, where the format does not say: fping and ping
	At     time.Time // when it was measured, where the file does not say
	Hint   string    // what to do about a file that says no time; "": a usual one
}

const (
	usualMemory = 64 << 20
	atHint      = "say when with --at, such as --at 2026-10-01T00:00:00Z"
)

func (im *Import) start() {
	if im.spool != nil {
		return
	}
	if im.Every <= 0 {
		im.Every = time.Hour
	}
	if im.Memory <= 0 {
		im.Memory = usualMemory
	}
	im.lookup = data.NewLookup(im.Inventory)
	im.spool = &spool{folder: im.Temp, limit: im.Memory}
}

// Read reads a file. Rounds that are whole in it (round.json) are visited at
// once; readings wait for Rounds. An error is one of visit, of reading, of the
// temporary file, or the cause of ctx; a *data.FileError is a file of no known
// format. Lines that cannot be used are told to Bad and are no error.
func (im *Import) Read(ctx context.Context, f File, visit func(*probe.Round) error) error {
	im.start()
	s := &source{Import: im, ctx: ctx, name: f.Name, number: len(im.files), from: -1, at: f.At, hint: f.Hint, seen: make(map[[2]int]int)}
	if s.hint == "" {
		s.hint = atHint
	}
	in, err := data.OpenText(f.In, f.Name)
	if err != nil {
		return err
	}
	format := f.Format
	if format == Auto || format == "" {
		if format, err = detect(in, f.Name); err != nil {
			return err
		}
	}
	im.files = append(im.files, inputFile{short(f.Name), f.Name, f.At, s.hint, format == WonderNetwork})
	if format == Fping || format == Ping {
		if err := s.measurer(f); err != nil {
			return err
		}
	}
	return s.read(format, in, visit)
}

// measurer finds the city that ran a program which does not say where it runs.
func (s *source) measurer(f File) error {
	if f.From == "" {
		return &data.FileError{File: f.Name, Problem: "it does not say who measured", Hint: "name the city with --from, or call the file after it: baltimore.txt"}
	}
	city, err := s.Inventory.Find(f.From)
	if err != nil {
		return err
	}
	s.from = slices.IndexFunc(s.Inventory.Cities, func(c probe.City) bool { return c.Name == city.Name })
	return nil
}

func (s *source) read(format Format, in *bufio.Reader, visit func(*probe.Round) error) error {
	switch format {
	case WonderNetwork, CSV:
		return readList(s, in, format)
	case Fping:
		return readFping(s, &lines{in: in})
	case Ping:
		return readPing(s, &lines{in: in})
	case Atlas:
		return readAtlas(s, in)
	case JSON:
		return readRounds(s, in, func(r *probe.Round) error {
			s.tally.Rounds++
			s.tally.Readings += len(r.Samples) + len(r.Self)
			return visit(r)
		})
	}
	return fmt.Errorf("no reader of %s", format)
}

// Rounds makes rounds of all readings, in the order of time, each when the one
// before it is done with. It is called once, after the last Read.
func (im *Import) Rounds(ctx context.Context, visit func(*probe.Round) error) error {
	if im.spool == nil {
		return nil
	}
	var g *group
	give := func() error {
		if g == nil {
			return nil
		}
		r := g.round()
		if r.Start.IsZero() {
			im.undated(g.files[0])
			return nil
		}
		im.tally.Rounds++
		return visit(r)
	}
	err := im.spool.each(func(r record) error {
		if g == nil || r.key != g.key {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := give(); err != nil {
				return err
			}
			g = newGroup(im, r.key)
		}
		g.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	return give()
}

// undated reports a file that is one round of no known time.
func (im *Import) undated(file int) {
	im.tally.Bad++
	if im.Bad != nil {
		im.Bad(&data.FileError{File: im.files[file].path, Problem: "none of its rows says when it was measured", Hint: im.files[file].hint})
	}
}

// Tally is what was read so far.
func (im *Import) Tally() Tally {
	t := im.tally
	if im.spool != nil {
		t.Spilled = im.spool.size
	}
	return t
}

// Close removes the temporary file.
func (im *Import) Close() error {
	if im.spool == nil {
		return nil
	}
	return im.spool.close()
}

// All reads files and visits their rounds: Read of each, Rounds, Close.
func (im *Import) All(ctx context.Context, files []File, visit func(*probe.Round) error) (err error) {
	defer func() { err = errors.Join(err, im.Close()) }()
	for _, f := range files {
		if err := im.Read(ctx, f, visit); err != nil {
			return err
		}
	}
	return im.Rounds(ctx, visit)
}
