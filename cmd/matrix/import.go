package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/foreign"
	"matrix/probe"
)

const importLong = `import turns files into rounds and saves them in the history. It knows
WonderNetwork's pings, the output of fping -C, fping -c and fping --json, of ping,
results of RIPE Atlas, and matrix's own pairs.csv and round.json: by their content,
or as --format says. docs/formats.md says what is read of each.

What was measured in the same hour (or --every) makes one round. Files may be of
any size and in any order; beyond 64 MB of readings they are sorted in a temporary
file (in TMPDIR). A line that cannot be used is told with its number and reason,
and the others are kept. A round that is in the history already is skipped, so
that the same file can be imported again.

fping and ping do not say where they ran: --from does, or else the file's name,
which starts with that of a city (baltimore.txt, baltimore-2026-10-01.txt). Where a
file does not say when it was measured, --at does.

Exit status: 0 all was imported, 1 some was not, 2 a city is unknown, 3 the
arguments or the inventory are wrong, 4 the system failed.`

// importFlags are the flags of matrix import, as the person gave them.
type importFlags struct {
	fleetFlags
	format, history, from, at, probes string
	every                             time.Duration
	quiet                             bool
}

func importCommand(std streams) *cobra.Command {
	var o importFlags
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Bring what other programs measured into the history",
		Long:  importLong,
		Example: `  matrix import --cities servers.csv pings.csv
  fping -q -C 5 -f targets 2>&1 | matrix import --from baltimore --at 2026-10-01T00:00:00Z -
  matrix import --at mtime runs/*.txt
  matrix import --probes probes.csv RIPE-Atlas-measurement-1001.json`,
		RunE: func(cmd *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usage("nothing to import: name files, or - for standard input")
			}
			if err := exclude(cmd.Flags(), [2]string{"ipv4", "ipv6"}); err != nil {
				return err
			}
			return o.run(cmd.Context(), files, std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.registerCities(f)
	registerHistory(f, &o.history)
	f.StringVar(&o.format, "format", "auto", "of the files: auto, wondernetwork, fping, atlas, ping, csv or json")
	f.StringVar(&o.from, "from", "", "the `CITY` that measured, for fping and ping")
	f.StringVar(&o.at, "at", "", "`TIME` of what does not say its own, such as 2026-10-01T00:00:00Z, or mtime: when the file was last written")
	f.DurationVar(&o.every, "every", time.Hour, "what was measured in the same such `TIME` of the day makes a round")
	f.Lookup("every").Annotations = map[string][]string{notHere: {"matrix serve measures so often"}}
	f.StringVar(&o.probes, "probes", "", "cities of RIPE Atlas probes, a `FILE` with the columns prb_id,city")
	o.registerFamily(f)
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	return cmd
}

// importing is an import under way.
type importing struct {
	*importFlags
	im       foreign.Import
	shelf    *shelf
	bad      *complaints
	progress *meter
	at       time.Time
	lookup   *data.Lookup
	unread   int // files
}

func (o *importFlags) run(ctx context.Context, files []string, std streams) error {
	var format foreign.Format
	if err := format.UnmarshalText([]byte(o.format)); err != nil {
		return usage("--format: %w", err)
	}
	job, err := o.prepare(files, std)
	if err != nil {
		return err
	}
	defer job.im.Close()
	put := func(r *probe.Round) error {
		if err := job.shelf.put(ctx, r); err != nil {
			return err
		}
		job.progress.describe(count(job.shelf.saved, "round") + " saved")
		return nil
	}
	err = job.read(ctx, files, format, std, put)
	if err == nil {
		err = job.im.Rounds(ctx, put)
	}
	job.progress.clear()
	job.bad.finish()
	return job.conclude(ctx, err, len(files), std)
}

// prepare checks everything that can be checked before a file is read.
func (o *importFlags) prepare(files []string, std streams) (*importing, error) {
	if o.every < time.Minute || o.every > 24*time.Hour || 24*time.Hour%o.every != 0 {
		return nil, usage("--every %v: want a part of a day, from 1m to 24h", o.every)
	}
	job := &importing{importFlags: o, bad: newComplaints(std.err)}
	if o.at != "" && o.at != "mtime" {
		at, err := data.ParseTime(o.at)
		if err != nil {
			return nil, usage("--at %s: want a time such as 2026-10-01T00:00:00Z, or mtime", o.at)
		}
		job.at = at
	}
	inventory, err := o.inventory(std)
	if err != nil {
		return nil, err
	}
	if o.from != "" {
		if _, err := inventory.Find(o.from); err != nil {
			return nil, err
		}
	}
	job.lookup = data.NewLookup(inventory)
	job.im = foreign.Import{Inventory: inventory, Every: o.every, Bad: job.bad.add}
	if o.v4 {
		job.im.Family = 4
	} else if o.v6 {
		job.im.Family = 6
	}
	if job.im.Probes, err = openProbes(o.probes, inventory); err != nil {
		return nil, err
	}
	total, err := sizes(files)
	if err != nil {
		return nil, err
	}
	job.progress = newMeter(std.err, o.quiet, total, true)
	job.shelf, err = openShelf(o.history)
	return job, err
}

func openProbes(path string, inventory *data.Inventory) (map[int]string, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return foreign.ReadProbes(f, path, inventory)
}

// sizes adds up the files, and finds those that are not there before one is
// read. 0 is not known.
func sizes(files []string) (int64, error) {
	var total int64
	known := true
	for _, path := range files {
		if path == "-" {
			known = false
			continue
		}
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		known = known && info.Mode().IsRegular()
		total += info.Size()
	}
	if !known {
		return 0, nil
	}
	return total, nil
}

// read reads the files. One of no known format costs only itself.
func (job *importing) read(ctx context.Context, files []string, format foreign.Format, std streams, put func(*probe.Round) error) error {
	for _, path := range files {
		err := job.readFile(ctx, path, format, std, put)
		var mistake *data.FileError
		switch {
		case errors.As(err, &mistake):
			job.unread++
			job.bad.add(mistake)
		case err != nil:
			return err
		}
	}
	return nil
}

func (job *importing) readFile(ctx context.Context, path string, format foreign.Format, std streams, put func(*probe.Round) error) error {
	in := foreign.File{Name: path, Format: format, From: job.from, At: job.at}
	if path == "-" {
		in.Name, in.In = "standard input", job.progress.reader(std.in)
		return job.im.Read(ctx, in, put)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	written := info.ModTime().UTC().Truncate(time.Second)
	if job.importFlags.at == "mtime" {
		in.At = written
	}
	if in.From == "" {
		in.From = job.namedAfter(path)
	}
	in.Hint = fmt.Sprintf("say when with --at TIME, or --at mtime for when the file was last written (%s)", written.Format(time.RFC3339))
	in.In = job.progress.reader(f)
	return job.im.Read(ctx, in, put)
}

// namedAfter is the city whose name the file's name starts with.
func (job *importing) namedAfter(path string) string {
	name, _, _ := strings.Cut(filepath.Base(path), ".")
	for name != "" {
		if _, ok := job.lookup.City(name); ok {
			return name
		}
		name = name[:max(strings.LastIndexAny(name, "-_ "), 0)]
	}
	return ""
}

// conclude says what was imported and what was not.
func (job *importing) conclude(ctx context.Context, err error, files int, std streams) error {
	t := job.im.Tally()
	fmt.Fprintf(std.out, "%s saved in %s", count(job.shelf.saved, "round"), job.shelf.folder)
	if job.shelf.known > 0 {
		fmt.Fprintf(std.out, ", %d were there already", job.shelf.known)
	}
	if job.shelf.other > 0 {
		fmt.Fprintf(std.out, ", %d left out because the history has another of that time", job.shelf.other)
	}
	fmt.Fprintf(std.out, "; %s read, %s left out", count(t.Readings, "reading"), count(t.Bad, "line"))
	if t.Skipped > 0 {
		fmt.Fprintf(std.out, ", %d passed over", t.Skipped)
	}
	fmt.Fprintln(std.out)
	for _, text := range job.shelf.remarks {
		fmt.Fprintf(std.err, "matrix: %s\n", text)
	}
	switch {
	case err != nil && ctx.Err() != nil:
		return &statusError{exitSomeMissed, fmt.Errorf("interrupted; %s saved. Import the same files again for the rest: what is there is skipped", count(job.shelf.saved, "round"))}
	case err != nil:
		return err
	case job.unread == files:
		return &statusError{status: exitArguments}
	case t.Bad > 0 || job.unread > 0 || job.shelf.other > 0:
		return &statusError{status: exitSomeMissed}
	}
	return nil
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
