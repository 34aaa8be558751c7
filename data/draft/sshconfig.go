package draft

import (
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"matrix/data"
	"matrix/probe"
)

// block is what one Host line of an ssh_config is for.
type block struct {
	patterns []string
	source   string
	hostName string
}

// maxIncludes is how deep files may include each other, as in ssh.
const maxIncludes = 16

// ReadSSHConfig reads the hosts that a person has named in an ssh_config: those
// of Host lines, without wildcards. The name is what ssh is asked for, and what
// HostName says of it is what is measured. Match blocks are passed over.
func ReadSSHConfig(file string) ([]City, error) {
	blocks, err := readBlocks(file, maxIncludes)
	if err != nil {
		return nil, err
	}
	var cities []City
	seen := map[string]bool{}
	for _, b := range blocks {
		for _, alias := range b.patterns {
			if strings.ContainsAny(alias, "*?!") || seen[alias] {
				continue
			}
			seen[alias] = true
			host := hostNameOf(blocks, alias)
			if probe.CheckHost(host) != nil || probe.CheckLogin(alias) != nil {
				return nil, &data.FileError{File: b.source, Column: 1, Field: "Host", Value: alias, Problem: "not a host name or address"}
			}
			c := City{Source: b.source, Also: alias, City: probe.City{Host: host}}
			if host != alias {
				c.SSH = alias
			}
			cities = append(cities, c)
		}
	}
	if len(cities) == 0 {
		return nil, &data.FileError{File: file, Problem: "no host: it has no Host line without wildcards"}
	}
	if len(cities) > maxCities {
		return nil, &data.FileError{File: file, Problem: fmt.Sprintf("more than %d hosts", maxCities), Hint: "give a list of those to measure"}
	}
	return cities, nil
}

// hostNameOf is what ssh would connect to: the first HostName that holds.
func hostNameOf(blocks []block, alias string) string {
	for _, b := range blocks {
		if b.hostName != "" && b.matches(alias) {
			return strings.ReplaceAll(b.hostName, "%h", alias)
		}
	}
	return alias
}

func (b block) matches(alias string) bool {
	met := false
	for _, pattern := range b.patterns {
		plain, not := strings.CutPrefix(pattern, "!")
		if ok, err := path.Match(plain, alias); err != nil || !ok {
			continue
		}
		if not {
			return false
		}
		met = true
	}
	return met
}

// readBlocks reads a file and those that it includes.
func readBlocks(file string, depth int) ([]block, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	// What stands before the first Host is for all.
	blocks := []block{{patterns: []string{"*"}}}
	line := 0
	for text := range strings.Lines(string(text)) {
		line++
		key, value := directive(text)
		last := &blocks[len(blocks)-1]
		switch key {
		case "host":
			blocks = append(blocks, block{patterns: strings.Fields(value), source: fmt.Sprintf("%s:%d", file, line)})
		case "match":
			blocks = append(blocks, block{})
		case "hostname":
			if last.hostName == "" {
				last.hostName = value
			}
		case "include":
			included, err := include(file, value, depth)
			if err != nil {
				return nil, err
			}
			blocks = append(blocks, included...)
			blocks = append(blocks, block{patterns: last.patterns}) // goes on
		}
	}
	return blocks, nil
}

// directive takes a line apart: "HostName bal1.example.net", or with a =.
func directive(line string) (key, value string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	at := strings.IndexAny(line, " \t=")
	if at < 0 {
		return strings.ToLower(line), ""
	}
	value = strings.TrimLeft(line[at:], " \t=")
	return strings.ToLower(line[:at]), strings.ReplaceAll(strings.TrimSpace(value), `"`, "")
}

// include reads files by their names, which may have wildcards and start from
// the folder of the file.
func include(file, names string, depth int) ([]block, error) {
	if depth == 0 {
		return nil, &data.FileError{File: file, Problem: "files that include each other", Hint: "remove an Include"}
	}
	var all []block
	for _, name := range strings.Fields(names) {
		if rest, home := strings.CutPrefix(name, "~/"); home {
			folder, err := os.UserHomeDir()
			if err != nil {
				return nil, fmt.Errorf("%s: Include %s: %w", file, name, err)
			}
			name = filepath.Join(folder, rest)
		}
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(file), name)
		}
		found, err := filepath.Glob(name)
		if err != nil {
			return nil, fmt.Errorf("%s: Include %s: %w", file, name, err)
		}
		for _, one := range found {
			blocks, err := readBlocks(one, depth-1)
			if err != nil {
				return nil, err
			}
			all = append(all, blocks...)
		}
	}
	return all, nil
}
