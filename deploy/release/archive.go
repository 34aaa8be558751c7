package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is a file of an archive.
type entry struct {
	name string // in the archive
	path string // where it is read from
	mode os.FileMode
}

// archives writes one for each target.
func (r *release) archives(context.Context) error {
	for _, t := range r.targets {
		name := fmt.Sprintf("matrix-%s-%s", r.version, t.label())
		entries, err := r.contents(t)
		if err != nil {
			return err
		}
		for i := range entries {
			entries[i].name = name + "/" + entries[i].name
		}
		write, ending := writeTar, ".tar.gz"
		if t.os == "windows" {
			write, ending = writeZip, ".zip"
		}
		if err := r.archive(name+ending, entries, write); err != nil {
			return err
		}
	}
	return nil
}

// hosts writes the archive with the programs for every kind of Linux host, by
// the names that the coordinator looks for.
func (r *release) hosts(context.Context) error {
	entries := []entry{{"LICENSE", filepath.Join(r.source(), "LICENSE"), 0o644}, r.notices()}
	for _, t := range r.targets {
		if t.os == "linux" {
			entries = append(entries, entry{"matrix-linux-" + t.arch, r.binary(t), 0o755})
		}
	}
	return r.archive(fmt.Sprintf("matrix-%s-linux-hosts.tar.gz", r.version), entries, writeTar)
}

// contents are the files of a target's archive.
func (r *release) contents(t target) ([]entry, error) {
	from := func(parts ...string) string { return filepath.Join(append([]string{r.source()}, parts...)...) }
	folders := [][2]string{
		{"", from("LICENSE")},
		{"", from("README.md")},
		{"docs/", from("docs", "*.md")},
		{"examples/", from("deploy", "*.toml")},
		{"examples/", from("deploy", "*.csv")},
	}
	if t.os != "windows" {
		folders = append(folders, [2]string{"man/", filepath.Join(r.work, "man", "*")},
			[2]string{"completion/", filepath.Join(r.work, "completion", "*")})
	}
	if t.os == "linux" {
		folders = append(folders, [2]string{"systemd/", from("deploy", "systemd", "*")})
	}
	entries := []entry{{t.program(), r.binary(t), 0o755}, r.notices()}
	for _, folder := range folders {
		paths, err := filepath.Glob(folder[1])
		if err == nil && len(paths) == 0 {
			err = fmt.Errorf("there is no %s", folder[1])
		}
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			entries = append(entries, entry{folder[0] + filepath.Base(path), path, 0o644})
		}
	}
	return entries, nil
}

func (r *release) archive(name string, entries []entry, write func(io.Writer, []entry, time.Time) error) error {
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	var b bytes.Buffer
	if err := write(&b, entries, r.time.UTC()); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return writeFile(filepath.Join(r.out, name), b.Bytes())
}

// writeTar writes a .tar.gz that does not tell who made it, where and when.
func writeTar(w io.Writer, entries []entry, date time.Time) error {
	packed, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive := tar.NewWriter(packed)
	for _, e := range entries {
		text, err := os.ReadFile(e.path)
		if err != nil {
			return err
		}
		header := &tar.Header{
			Name: e.name, Mode: int64(e.mode), Size: int64(len(text)), ModTime: date,
			Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return err
		}
		if _, err := archive.Write(text); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

// writeZip writes the same as a .zip.
func writeZip(w io.Writer, entries []entry, date time.Time) error {
	archive := zip.NewWriter(w)
	for _, e := range entries {
		text, err := os.ReadFile(e.path)
		if err != nil {
			return err
		}
		header := &zip.FileHeader{Name: e.name, Method: zip.Deflate, Modified: date}
		header.SetMode(e.mode)
		part, err := archive.CreateHeader(header)
		if err != nil {
			return err
		}
		if _, err := part.Write(text); err != nil {
			return err
		}
	}
	return archive.Close()
}
