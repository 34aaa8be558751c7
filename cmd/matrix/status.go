package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"matrix/data"
	"matrix/probe"
)

// Exit statuses of the commands that measure, as fping's.
const (
	exitMeasured   = 0 // every planned pair
	exitSomeMissed = 1
	exitUnknown    = 2 // a city or a host
	exitArguments  = 3
	exitSystem     = 4
)

// statusError ends the program with a status; its text is what the person is
// told, if there is one.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *statusError) Unwrap() error { return e.err }

// usage is a mistake in the arguments.
func usage(format string, args ...any) error {
	return &statusError{exitArguments, fmt.Errorf(format, args...)}
}

// conclude says what went wrong and finds the exit status for it.
func conclude(w io.Writer, err error) int {
	if err == nil {
		return exitMeasured
	}
	if text := err.Error(); text != "" {
		for _, line := range strings.Split(text, "\n") {
			fmt.Fprintf(w, "matrix: %s\n", line)
		}
	}
	var host *probe.HostError
	if errors.As(err, &host) && host.Hint != "" {
		fmt.Fprintf(w, "matrix: hint: %s\n", host.Hint)
	}
	return exitStatus(err)
}

func exitStatus(err error) int {
	var (
		status  *statusError
		unknown *data.UnknownCityError
		mistake *data.FileErrors
		single  *data.FileError
	)
	switch {
	case errors.As(err, &status):
		return status.status
	case errors.As(err, &unknown):
		return exitUnknown
	case errors.As(err, &mistake), errors.As(err, &single), errors.Is(err, fs.ErrNotExist):
		return exitArguments
	}
	return exitSystem
}

// roundStatus is how a round ends the program.
func roundStatus(round *probe.Round) error {
	switch {
	case round.Count(probe.Unresolved) > 0:
		return &statusError{status: exitUnknown}
	case !round.Complete() || round.Partial:
		return &statusError{status: exitSomeMissed}
	}
	return nil
}
