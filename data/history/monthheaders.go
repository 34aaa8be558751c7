package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/parquet-go/parquet-go"

	"matrix/probe"
)

// roundRow is the schema of rounds: the headers of a compacted month;
// docs/history.md describes the columns.
type roundRow struct {
	Round      string `parquet:"round"`
	Start      int64  `parquet:"start,timestamp(microsecond)"`
	End        int64  `parquet:"end,optional,timestamp(microsecond)"`
	Source     string `parquet:"source,dict"`
	Version    string `parquet:"version,dict"`
	Partial    bool   `parquet:"partial"`
	Planned    int32  `parquet:"planned"`
	Measured   int32  `parquet:"measured"`
	Lost       int32  `parquet:"lost"`
	SourceDown int32  `parquet:"source_down"`
	NotRun     int32  `parquet:"not_run"`
	Unresolved int32  `parquet:"unresolved"`
	Excluded   int32  `parquet:"excluded"`
	Cities     int32  `parquet:"cities"`
	Warnings   int32  `parquet:"warnings"`
	Header     string `parquet:"header"` // as in a round's own file
}

// maxHeaders bounds a file of headers: a round a minute, and one more.
const maxHeaders = 31*24*60 + 1

func rowOfRound(r *held, text string) roundRow {
	row := roundRow{
		Round: r.Round, Start: r.Start.UnixMicro(), Header: text,
		Measured: int32(r.States[probe.Measured]), Lost: int32(r.States[probe.Lost]), SourceDown: int32(r.States[probe.SourceDown]),
		NotRun: int32(r.States[probe.NotRun]), Unresolved: int32(r.States[probe.Unresolved]), Excluded: int32(r.States[probe.Excluded]),
	}
	for _, n := range r.States {
		row.Planned += int32(n)
	}
	if header, err := readHeader(text, r.Round); err == nil {
		row.Source, row.Version, row.Partial = header.Source, header.Version, header.Partial
		row.Cities, row.Warnings = int32(len(header.Cities)), int32(len(header.Warnings))
		if !header.End.IsZero() {
			row.End = header.End.UnixMicro()
		}
	}
	return row
}

// writeHeaders writes the headers of a month's rounds.
func (c *compactor) writeHeaders(set string) (path string, err error) {
	compacted, _ := c.h.monthHeaders(c.ctx, c.span)
	return c.h.putMerged(c.ctx, folderOf(roundsFolder, c.month), set, func(w io.Writer) error {
		// Headers hardly differ: many in a page compress well.
		out := parquet.NewGenericWriter[roundRow](w, append(writerOptions(), parquet.PageBufferSize(4<<20), parquet.SkipPageBounds("header"))...)
		for i := range c.span.rounds {
			r := &c.span.rounds[i]
			text, err := c.headerText(r, compacted)
			if err != nil {
				return err
			}
			if _, err := out.Write([]roundRow{rowOfRound(&r.held, text)}); err != nil {
				return err
			}
		}
		return out.Close()
	}, func(st Store, unfinished string) error {
		texts, err := readHeaders(c.ctx, st, unfinished)
		if err == nil && len(texts) != len(c.span.rounds) {
			err = fmt.Errorf("%d headers of %d rounds were written", len(texts), len(c.span.rounds))
		}
		return err
	})
}

func (c *compactor) headerText(r *entry, compacted map[string]string) (string, error) {
	file := &c.span.files[r.source]
	if file.month {
		return compacted[r.Round], nil
	}
	f, err := openSamples(c.ctx, c.h.store, file.path)
	if err != nil {
		return "", c.h.changed(file.path, err)
	}
	return f.header, f.close()
}

// monthHeaders are the headers of the compacted rounds of a span, by id, and
// what is to be said of those that could not be read.
func (h *History) monthHeaders(ctx context.Context, s *span) (map[string]string, []probe.Warning) {
	all := make(map[string]string)
	var warnings []probe.Warning
	for i := range s.files {
		file := &s.files[i]
		if !file.month {
			continue
		}
		path, err := h.headersPath(ctx, file.path)
		var texts map[string]string
		if err == nil {
			texts, err = readHeaders(ctx, h.store, path)
		}
		if err != nil {
			warnings = append(warnings, h.problem(path, err))
			continue
		}
		for id, text := range texts {
			if _, takes := file.takes[id]; takes {
				all[id] = text
			}
		}
	}
	return all, warnings
}

// headersPath is the file with the headers of a month's file of samples.
func (h *History) headersPath(ctx context.Context, samples string) (string, error) {
	set := monthName().FindStringSubmatch(path.Base(samples))[1]
	folder := strings.Replace(path.Dir(samples), samplesFolder, roundsFolder, 1)
	entries, err := h.store.List(ctx, folder)
	if err != nil {
		return path.Join(folder, set+"-*"+suffix), err
	}
	for _, e := range entries {
		if name := monthName().FindStringSubmatch(e.Name); name != nil && name[1] == set {
			return path.Join(folder, e.Name), nil
		}
	}
	return path.Join(folder, set+"-*"+suffix), errors.New("the headers of the month's rounds are missing")
}

// oldHeaders are the files of headers that belong to no file of samples, and
// those of the month's file beside the one that was written just now, if one was:
// an interrupted compaction by another version leaves such.
func (h *History) oldHeaders(ctx context.Context, m Month, keep, written string) ([]string, error) {
	folder := folderOf(roundsFolder, m)
	entries, err := h.store.List(ctx, folder)
	if err != nil {
		return nil, err
	}
	samples, err := h.store.List(ctx, folderOf(samplesFolder, m))
	if err != nil {
		return nil, err
	}
	left := make(map[string]int) // files of samples, by their set
	for _, e := range samples {
		if name := monthName().FindStringSubmatch(e.Name); name != nil {
			left[name[1]]++
		}
	}
	wanted := monthName().FindStringSubmatch(path.Base(keep))[1]
	var old []string
	for _, e := range entries {
		name := monthName().FindStringSubmatch(e.Name)
		file := path.Join(folder, e.Name)
		if name == nil || name[1] == wanted && (written == "" || file == written) {
			continue
		}
		if name[1] == wanted || left[name[1]] <= 1 {
			old = append(old, file)
		}
	}
	return old, nil
}

// readHeaders reads a file of headers: the texts by the ids of the rounds.
func readHeaders(ctx context.Context, st Store, key string) (texts map[string]string, err error) {
	file, pq, err := openParquet(ctx, st, key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	texts = make(map[string]string)
	err = guard(func() error {
		if !parquet.EqualNodes(pq.Schema(), parquet.SchemaOf(roundRow{})) || pq.NumRows() > maxHeaders {
			return errors.New("it is no file of headers")
		}
		in := parquet.NewGenericReader[roundRow](pq)
		rows := make([]roundRow, 16)
		for ctx.Err() == nil {
			n, err := in.Read(rows)
			for _, row := range rows[:n] {
				texts[row.Round] = strings.Clone(row.Header)
			}
			if errors.Is(err, io.EOF) {
				return in.Close()
			}
			if err != nil {
				return err
			}
		}
		return ctx.Err()
	})
	return texts, err
}
