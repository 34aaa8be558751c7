package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// target is a system that the program is built for.
type target struct{ os, arch string }

// allTargets are all systems. What runs on a city's host is Linux; the others
// are for coordinators.
var allTargets = []target{
	{"linux", "amd64"}, {"linux", "arm64"}, {"linux", "arm"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"},
	{"freebsd", "amd64"},
}

// choose reads the names of targets; none stand for all.
func choose(only string) ([]target, error) {
	if only == "" {
		return allTargets, nil
	}
	var chosen []target
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(allTargets, func(t target) bool { return t.os+"/"+t.arch == name })
		if i < 0 {
			return nil, fmt.Errorf("nothing is released for %q", name)
		}
		chosen = append(chosen, allTargets[i])
	}
	return chosen, nil
}

// label is the target's part of a file's name.
func (t target) label() string {
	if t.arch == "arm" {
		return t.os + "-armv7"
	}
	return t.os + "-" + t.arch
}

// program is the executable's name.
func (t target) program() string {
	if t.os == "windows" {
		return "matrix.exe"
	}
	return "matrix"
}

// packaged is the architecture in nfpm's words.
func (t target) packaged() string {
	if t.arch == "arm" {
		return "arm7"
	}
	return t.arch
}

// binary is where the program of a target is built.
func (r *release) binary(t target) string {
	return filepath.Join(r.work, "bin", t.label(), t.program())
}
