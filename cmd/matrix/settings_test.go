package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"matrix/report/reporttest"
)

// generated stands in the page above what the flags say.
const generated = "<!-- Below: go test ./cmd/matrix -run TestSettingsPage -update -->\n"

// TestSettingsPage keeps docs/settings.md true to the flags.
func TestSettingsPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	written, _, ok := strings.Cut(string(page), generated)
	if !ok {
		t.Fatalf("docs/settings.md has no line %q", generated)
	}
	var b strings.Builder
	b.WriteString(written + generated + "\n| key | default | what | commands |\n|---|---|---|---|\n")
	for _, u := range settingUses(newRoot(streams{})) {
		what := strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(u.meaning())
		fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", u.name, u.value(), what, strings.Join(u.commands, ", "))
	}
	reporttest.Golden(t, "../../../docs/settings.md", []byte(b.String()))
}

// TestDefaultsAreSettings takes the comment marks away: what is listed as a
// default must be right in the file, for every command, and change nothing.
func TestDefaultsAreSettings(t *testing.T) {
	var b bytes.Buffer
	if err := writeSettings(&b, newRoot(streams{}), nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "matrix.toml")
	text := regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(b.String(), "$1")
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, cmd := range settable(newRoot(streams{})) {
		if err := cmd.ParseFlags([]string{"--config", path}); err != nil {
			t.Fatal(err)
		}
		if err := applySettings(cmd); err != nil {
			t.Errorf("%s: %v", cmd.CommandPath(), err)
		}
		if cmd.HasParent() {
			continue // another command's default may be another
		}
		for _, u := range settingUses(cmd.Root()) {
			if f := cmd.Flags().Lookup(u.name); f != nil && f.Value.String() != f.DefValue {
				t.Errorf("%s = %s, want %s", f.Name, f.Value, f.DefValue)
			}
		}
	}
}

// TestShippedSettings reads the file that the packages install, as it is.
func TestShippedSettings(t *testing.T) {
	settings, err := readSettings("../../deploy/matrix.toml", settingNames(newRoot(streams{})))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range settings {
		got = append(got, s.name+" = "+strings.Join(s.values, ", "))
	}
	if want := []string{"cities = /etc/matrix/cities.csv", "history = /var/lib/matrix/history", "site = /var/lib/matrix/site"}; !slices.Equal(got, want) {
		t.Errorf("the packages' settings are %q, want %q", got, want)
	}
}
