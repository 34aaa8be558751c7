package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"matrix/data/draft"
	"matrix/geo"
	"matrix/probe"
)

// listOpen names the cities whose place is not known, with those that it may
// be. It fails if there is one.
func listOpen(cities []draft.City, w io.Writer) error {
	open := 0
	for _, c := range cities {
		if !c.Open {
			continue
		}
		open++
		fmt.Fprintf(w, "matrix: %s\n", question(c))
		for _, p := range c.Choices {
			fmt.Fprintf(w, "  %s\n", choice(p))
		}
	}
	if open == 0 {
		return nil
	}
	return &statusError{exitUnknown, fmt.Errorf("nothing was written: the places of %d of %d are not clear\n"+
		"hint: write the country behind the city (Birmingham, GB), the city beside the host (Baltimore bal1.example.net), or make it a table with the columns city, host, latitude, longitude",
		open, len(cities))}
}

// question says what is not clear.
func question(c draft.City) string {
	name := strconv.Quote(c.Called())
	switch {
	case c.Title != "" && len(c.Choices) > 0:
		return fmt.Sprintf("%s: %s may be one of these", c.Source, name)
	case c.Title != "":
		return fmt.Sprintf("%s: no place called %s has 15,000 inhabitants", c.Source, name)
	case len(c.Choices) > 0:
		return fmt.Sprintf("%s: the name of the host %s does not say where it is; perhaps in one of these", c.Source, name)
	}
	return fmt.Sprintf("%s: the name of the host %s does not say where it is", c.Source, name)
}

// choice is a place as a person tells it from others of its name.
func choice(p geo.Place) string {
	return fmt.Sprintf("%-32s %11s inhabitants  %.4f, %.4f", probe.Clean(p.Name, 28)+", "+p.Country, thousands(p.Population), p.Latitude, p.Longitude)
}

func thousands(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// ask has a person settle what is open.
func ask(cities []draft.City, world *geo.Gazetteer, in *bufio.Reader, w io.Writer) error {
	for i := range cities {
		for c := &cities[i]; c.Open; {
			fmt.Fprintln(w, question(*c))
			for n, p := range c.Choices {
				fmt.Fprintf(w, "  %d  %s\n", n+1, choice(p))
			}
			fmt.Fprint(w, "which number, or city, or latitude, longitude? ")
			answer, err := in.ReadString('\n')
			if err != nil {
				return &statusError{exitUnknown, errors.New("nothing was written: a question was not answered")}
			}
			settle(c, strings.TrimSpace(answer), world)
		}
	}
	return nil
}

// settle takes an answer, or asks on with what it may mean.
func settle(c *draft.City, answer string, world *geo.Gazetteer) {
	if n, err := strconv.Atoi(answer); err == nil {
		if n >= 1 && n <= len(c.Choices) {
			c.Choose(c.Choices[n-1])
		}
		return
	}
	if at, ok := draft.ParseLocation(answer); ok {
		c.Location, c.Open, c.Choices = at, false, nil
		return
	}
	if answer == "" {
		return
	}
	named := []draft.City{{City: probe.City{Title: probe.Clean(answer, 60)}}}
	draft.Settle(named, world, func(string) (geo.Place, string, bool) { return geo.Place{}, "", false })
	if !named[0].Open {
		c.Title, c.Location, c.Country = named[0].Title, named[0].Location, named[0].Country
		c.Open, c.Choices = false, nil
		return
	}
	c.Choices = named[0].Choices
}
