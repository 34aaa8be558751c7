package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// release is one being made.
type release struct {
	repository string // any folder in it
	commit     string
	work, out  string
	targets    []target
	cache      string // of the go command while it builds; "": the usual one
	talk       io.Writer

	version string    // as the programs say it
	time    time.Time // of the commit
}

// make makes all files.
func (r *release) make(ctx context.Context) error {
	if err := r.clone(ctx); err != nil {
		return err
	}
	for _, t := range r.targets {
		fmt.Fprintf(r.talk, "building %s\n", t.label())
		if err := r.build(ctx, t, r.binary(t)); err != nil {
			return err
		}
	}
	if err := r.identify(r.binary(r.targets[0])); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		r.manual, r.licenses, r.materials, r.archives, r.hosts, r.packages,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return r.sums()
}

// source is the clone.
func (r *release) source() string { return filepath.Join(r.work, "source") }

// clone takes the commit out of the repository that this runs in: what was not
// committed cannot get into a release. The go command stamps versions only
// where a repository is whole, which a linked work tree is not.
func (r *release) clone(ctx context.Context) error {
	root, err := output(ctx, r.repository, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return err
	}
	root = strings.TrimSpace(root)
	hash, err := output(ctx, root, nil, "git", "rev-parse", "--verify", r.commit+"^{commit}")
	if err != nil {
		return err
	}
	if _, err := output(ctx, root, nil, "git", "clone", "--quiet", "--no-checkout", root, r.source()); err != nil {
		return err
	}
	// A commit that no branch has is not in a clone.
	hash = strings.TrimSpace(hash)
	if _, err := output(ctx, r.source(), nil, "git", "fetch", "--quiet", root, hash); err != nil {
		return err
	}
	_, err = output(ctx, r.source(), nil, "git", "checkout", "--quiet", "--detach", hash)
	return err
}

// build makes the program for a target. Nothing of this machine's settings
// counts but where modules come from.
func (r *release) build(ctx context.Context, t target, path string) error {
	env := []string{
		"CGO_ENABLED=0", "GOOS=" + t.os, "GOARCH=" + t.arch, "GOARM=7", "GOAMD64=v1", "GOARM64=v8.0",
		"GOFLAGS=-mod=readonly", "GOEXPERIMENT=", "GOWORK=off",
	}
	if r.cache != "" {
		env = append(env, "GOCACHE="+r.cache)
	}
	_, err := output(ctx, r.source(), env, "go", "build", "-trimpath", "-buildvcs=true", "-ldflags=-s -w", "-o", path, "./cmd/matrix")
	return err
}

// identify reads what the programs know of themselves.
func (r *release) identify(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	r.version = info.Main.Version
	for _, setting := range info.Settings {
		if setting.Key == "vcs.time" {
			if r.time, err = time.Parse(time.RFC3339, setting.Value); err != nil {
				return fmt.Errorf("the commit's time: %w", err)
			}
		}
	}
	switch {
	case r.version == "(devel)" || r.version == "" || r.time.IsZero():
		return errors.New("the go command stamped no version into the program")
	case strings.HasSuffix(r.version, "+dirty"):
		return fmt.Errorf("%s: the clone is not as it was committed", r.version)
	}
	fmt.Fprintf(r.talk, "this is %s of %s UTC\n", r.version, r.time.UTC().Format(time.DateTime))
	return nil
}

// completions are the shells, and the names under which they look for what
// completes matrix.
var completions = map[string]string{"bash": "matrix", "zsh": "_matrix", "fish": "matrix.fish"}

// manual has the program write its manual pages and completions.
func (r *release) manual(ctx context.Context) error {
	own := filepath.Join(r.work, "own", "matrix")
	if err := r.build(ctx, target{runtime.GOOS, runtime.GOARCH}, own); err != nil {
		return err
	}
	if _, err := output(ctx, r.work, nil, own, "man", filepath.Join(r.work, "man")); err != nil {
		return err
	}
	for shell, name := range completions {
		text, err := output(ctx, r.work, nil, own, "completion", shell)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(r.work, "completion", name), []byte(text)); err != nil {
			return err
		}
	}
	return nil
}
