package main

import (
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"
)

// What is used here of a CycloneDX bill of materials
// (https://cyclonedx.org/docs/1.6/json/).
type (
	bill struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Type       string     `json:"type"`
		Ref        string     `json:"bom-ref"`
		Name       string     `json:"name"`
		Version    string     `json:"version"`
		Hashes     []hash     `json:"hashes,omitempty"`
		Licenses   []license  `json:"licenses,omitempty"`
		URL        string     `json:"purl"`
		Properties []property `json:"properties,omitempty"`
	}
	hash struct {
		Algorithm string `json:"alg"`
		Content   string `json:"content"`
	}
	license struct {
		Expression string `json:"expression"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn,omitempty"`
	}
)

// materials writes a bill of materials for each program, from what the linker
// put into it.
func (r *release) materials(context.Context) error {
	for _, t := range r.targets {
		b, err := r.billOf(r.binary(t))
		if err != nil {
			return fmt.Errorf("bill of materials of %s: %w", t.label(), err)
		}
		text, err := json.MarshalIndent(b, "", "  ")
		if err != nil {
			return err
		}
		name := fmt.Sprintf("matrix-%s-%s.cdx.json", r.version, t.label())
		if err := writeFile(filepath.Join(r.out, name), append(text, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (r *release) billOf(binary string) (*bill, error) {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	sum, err := sha256Of(binary)
	if err != nil {
		return nil, err
	}
	program := describe("application", &info.Main)
	program.Licenses = []license{{"Apache-2.0"}}
	program.Hashes = []hash{{"SHA-256", sum}}
	for _, s := range info.Settings {
		program.Properties = append(program.Properties, property{"go:build:" + s.Key, s.Value})
	}
	// Scanners know the Go library by this name.
	parts := []component{describe("library", &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")})}
	for _, m := range info.Deps {
		parts = append(parts, describe("library", m))
	}
	all := dependency{Ref: program.Ref}
	for _, part := range parts {
		all.On = append(all.On, part.Ref)
	}
	return &bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata:     metadata{r.time.UTC().Format(time.RFC3339), program},
		Components:   parts,
		Dependencies: []dependency{all},
	}, nil
}

func describe(kind string, m *debug.Module) component {
	if m.Replace != nil {
		m = m.Replace
	}
	url := "pkg:golang/" + m.Path + "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	c := component{Type: kind, Ref: url, Name: m.Path, Version: m.Version, URL: url}
	if m.Sum != "" {
		c.Properties = []property{{"go:sum", m.Sum}}
	}
	return c
}
