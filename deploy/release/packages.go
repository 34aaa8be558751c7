package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// nfpm makes the packages. It is no part of the program, so not of its go.mod.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.44.0"

// packages makes a .deb and a .rpm for each Linux.
func (r *release) packages(ctx context.Context) error {
	if err := r.documents(); err != nil {
		return err
	}
	for _, t := range r.targets {
		if t.os != "linux" {
			continue
		}
		for _, kind := range []string{"deb", "rpm"} {
			fmt.Fprintf(r.talk, "packing %s for %s\n", kind, t.label())
			if err := r.pack(ctx, t, kind); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *release) pack(ctx context.Context, t target, kind string) error {
	out, err := filepath.Abs(r.out)
	if err != nil {
		return err
	}
	env := []string{
		"GOFLAGS=-mod=readonly", "MATRIX_VERSION=" + r.version, "MATRIX_ARCH=" + t.packaged(),
		"MATRIX_BINARY=" + r.binary(t), "MATRIX_STAGE=" + r.work,
		"SOURCE_DATE_EPOCH=" + strconv.FormatInt(r.time.Unix(), 10),
	}
	_, err = output(ctx, r.source(), env, "go", "run", nfpm, "package", "--config", "deploy/nfpm.yaml", "--packager", kind, "--target", out)
	return err
}

// maintainer is that of the packages, as in nfpm.yaml.
const maintainer = "matrix maintainers <matrix@example.org>"

// documents are packed as Debian wants them.
func (r *release) documents() error {
	pages, err := filepath.Glob(filepath.Join(r.work, "man", "*.1"))
	if err != nil {
		return err
	}
	for _, page := range pages {
		if err := gzipFile(page, filepath.Join(r.work, "man.gz", filepath.Base(page)+".gz")); err != nil {
			return err
		}
	}
	if err := gzipFile(filepath.Join(r.source(), "docs", "CHANGELOG.md"), filepath.Join(r.work, "changelog.gz")); err != nil {
		return err
	}
	changes := fmt.Sprintf("matrix (%s) unstable; urgency=medium\n\n  * Version %s; see changelog.gz.\n\n -- %s  %s\n",
		debianVersion(r.version), r.version, maintainer, r.time.UTC().Format(time.RFC1123Z))
	path := filepath.Join(r.work, "changelog.Debian")
	if err := writeFile(path, []byte(changes)); err != nil {
		return err
	}
	return gzipFile(path, path+".gz")
}

// debianVersion is a version in the words of dpkg, where ~ comes before
// anything.
func debianVersion(version string) string {
	return strings.Replace(strings.TrimPrefix(version, "v"), "-", "~", 1)
}
