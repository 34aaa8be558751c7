package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTroubleshooting keeps docs/troubleshooting.md true: the messages in it are
// those that the program has. What is in italics there are ssh's words.
func TestTroubleshooting(t *testing.T) {
	var code strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		code.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, section := range regexp.MustCompile(`(?ms)^\| message \|.*?^$`).FindAllString(string(page), -1) {
		for _, row := range regexp.MustCompile("(?m)^\\| (`.*?) \\| ").FindAllStringSubmatch(section, -1) {
			for _, quoted := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
				if strings.HasPrefix(quoted[1], "matrix ") {
					continue // a command
				}
				for part := range strings.SplitSeq(quoted[1], "…") {
					part = strings.Trim(part, " ,:")
					if part = strings.TrimPrefix(part, "refused by the host: "); part != "" && !strings.Contains(code.String(), part) {
						t.Errorf("nothing says %q (of %q)", part, quoted[1])
					}
				}
				found++
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d messages were found", found)
	}
}

// TestDocsLinkToFiles: links between the pages of the documentation lead somewhere.
func TestDocsLinkToFiles(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %v", pages, err)
	}
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`).FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}
