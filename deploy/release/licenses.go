package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// notices is the file with the licenses of what is linked into the programs;
// they ask to go along.
func (r *release) notices() entry {
	const name = "THIRD-PARTY-LICENSES"
	return entry{name, filepath.Join(r.work, name), 0o644}
}

// licenses collects them, for all targets together.
func (r *release) licenses(ctx context.Context) error {
	linked := map[string]bool{}
	for _, t := range r.targets {
		info, err := buildinfo.ReadFile(r.binary(t))
		if err != nil {
			return err
		}
		for _, m := range info.Deps {
			linked[m.Path] = true
		}
	}
	root, err := output(ctx, r.source(), nil, "go", "env", "GOROOT")
	if err != nil {
		return err
	}
	// In the order of their paths; "all" knows where the modules are.
	listed, err := output(ctx, r.source(), []string{"GOFLAGS=-mod=readonly"}, "go", "list", "-m", "-f", "{{.Path}}\t{{.Version}}\t{{.Dir}}", "all")
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := appendLicenses(&text, "the Go library", strings.TrimSpace(root)); err != nil {
		return err
	}
	for line := range strings.Lines(listed) {
		fields := strings.Split(strings.TrimSpace(line), "\t")
		if len(fields) != 3 || !linked[fields[0]] {
			continue
		}
		if err := appendLicenses(&text, fields[0]+" "+fields[1], fields[2]); err != nil {
			return err
		}
		delete(linked, fields[0])
	}
	if len(linked) > 0 {
		return fmt.Errorf("no folders of the modules %v, which are linked", linked)
	}
	return writeFile(r.notices().path, text.Bytes())
}

func appendLicenses(text *bytes.Buffer, module, folder string) error {
	found := false
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "NOTICE*", "PATENTS"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			license, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(text, "==== %s: %s\n\n%s\n\n", module, filepath.Base(path), bytes.TrimSpace(license))
			found = true
		}
	}
	if !found {
		return fmt.Errorf("%s has no license in %s", module, folder)
	}
	return nil
}
