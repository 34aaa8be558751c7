package main

import (
	"fmt"
	"io"

	"matrix/data"
)

// complaints tells the lines that were not used: the first of each reason and
// file one by one, the rest counted by their reason.
type complaints struct {
	w      io.Writer
	shown  map[string]int    // by file
	met    map[[2]string]int // by file and reason
	hidden map[[2]string]int
	order  [][2]string
}

const (
	shownComplaints = 20 // of a file
	shownAlike      = 5  // of a reason
	shownReasons    = 50
)

func newComplaints(w io.Writer) *complaints {
	return &complaints{w: w, shown: make(map[string]int), met: make(map[[2]string]int), hidden: make(map[[2]string]int)}
}

func (c *complaints) add(e *data.FileError) {
	key := [2]string{e.File, e.Problem}
	if c.shown[e.File] < shownComplaints && c.met[key] < shownAlike {
		c.shown[e.File]++
		c.met[key]++
		fmt.Fprintf(c.w, "matrix: %v\n", e)
		return
	}
	if c.hidden[key] == 0 && len(c.order) >= shownReasons {
		key = [2]string{"in all", "for other reasons"}
	}
	if c.hidden[key] == 0 {
		c.order = append(c.order, key)
	}
	c.hidden[key]++
}

func (c *complaints) finish() {
	for _, key := range c.order {
		fmt.Fprintf(c.w, "matrix: %s: %d more: %s\n", key[0], c.hidden[key], key[1])
	}
}
