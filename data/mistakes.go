package data

import (
	"fmt"
	"strings"

	"matrix/probe"
)

// FileError is a mistake in a file: where it is and what a person can do.
type FileError struct {
	File    string
	Line    int    // from 1; 0 if the file as a whole is meant
	Column  int    // cell of the line, from 1; 0 if the line as a whole is meant
	Field   string // heading of that column, as the file spells it
	Value   string // what stands there
	Problem string // what is wrong with it
	Hint    string // what to do; "" if the problem says it
}

// Error is one line: file:line: field "value": problem; hint
func (e *FileError) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Column > 0 {
		b.WriteString(e.where())
		if e.Value != "" {
			fmt.Fprintf(&b, " %q", shown(e.Value))
		}
		b.WriteString(": ")
	}
	b.WriteString(e.Problem)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

// where names the column, by number if it has no heading.
func (e *FileError) where() string {
	if field := shown(e.Field); field != "" {
		return field
	}
	return fmt.Sprintf("column %d", e.Column)
}

// shown is a text from a file, short and harmless enough for a message.
func shown(text string) string { return probe.Clean(text, 60) }

// FileErrors are the mistakes of one file, in the order in which they stand
// there. Its message has a line for each.
type FileErrors struct {
	List []*FileError
	More int // found, but not kept
}

func (e *FileErrors) Error() string {
	lines := make([]string, 0, len(e.List)+1)
	for _, one := range e.List {
		lines = append(lines, one.Error())
	}
	if e.More > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", e.List[0].File, e.More))
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the first *FileError.
func (e *FileErrors) Unwrap() []error {
	all := make([]error, len(e.List))
	for i, one := range e.List {
		all[i] = one
	}
	return all
}

// shownMistakes is how many mistakes of a file are kept: a screenful. A file
// with more of them has one cause, and the first ones show it.
const shownMistakes = 20

// mistakes collects what is wrong with one file.
type mistakes struct {
	file string
	list []*FileError
	more int
}

func (m *mistakes) add(e FileError) {
	if len(m.list) == shownMistakes {
		m.more++
		return
	}
	e.File = m.file
	m.list = append(m.list, &e)
}

// whole adds a mistake of the file as a whole.
func (m *mistakes) whole(problem, hint string) { m.add(FileError{Problem: problem, Hint: hint}) }

func (m *mistakes) any() bool { return len(m.list) > 0 }

// err is nil if there was no mistake.
func (m *mistakes) err() error {
	if !m.any() {
		return nil
	}
	return &FileErrors{m.list, m.more}
}
