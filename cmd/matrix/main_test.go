package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/lab"
)

// TestMain makes the test binary the program itself where a story runs matrix, a
// program that is to be killed, and the lab's inner process where a lab starts.
func TestMain(m *testing.M) {
	if status, taken := lab.TakeOver(); taken {
		os.Exit(status)
	}
	if folder := os.Getenv(natsServerEnv); folder != "" {
		fmt.Fprintln(os.Stderr, serveNATS(folder))
		os.Exit(1)
	}
	if folder := os.Getenv(fleetEnv); folder != "" {
		if err := playFleet(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if what := os.Getenv(killedAt); what != "" {
		first, err := strconv.Atoi(os.Getenv("MATRIX_TEST_KILL_FIRST"))
		fmt.Fprintln(os.Stderr, errors.Join(err, workForEver(what, os.Getenv("MATRIX_TEST_KILL_DIR"), first)))
		os.Exit(1)
	}
	testscript.Main(ownHistory{m}, map[string]func(){"matrix": main})
}

// ownHistory are the tests, with a history of their own.
type ownHistory struct{ *testing.M }

func (m ownHistory) Run() int {
	folder, err := os.MkdirTemp("", "matrix-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	os.Setenv("XDG_DATA_HOME", folder)
	os.Setenv("XDG_CONFIG_HOME", folder)
	return m.M.Run()
}

// TestStories are sessions as a person would have them.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("COLUMNS", "100")
			env.Setenv("XDG_DATA_HOME", env.WorkDir)
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, ".config"))
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"status": status},
		Condition: func(name string) (bool, error) {
			switch name {
			case "ping":
				return mayPing(), nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
	})
}

// status runs a command that must end with the given exit status.
func status(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	switch {
	case err == nil && want != 0:
		ts.Fatalf("%v ended with 0, want %d", args[1:], want)
	case errors.As(err, &exit) && exit.ExitCode() != want:
		ts.Fatalf("%v ended with %d, want %d", args[1:], exit.ExitCode(), want)
	case err != nil && !errors.As(err, &exit):
		ts.Fatalf("%v: %v", args[1:], err)
	}
}

// mayPing says whether this user may ping at all. Where nothing may be missing
// the stories run whatever it says, and fail.
func mayPing() bool {
	job := probe.Job{Options: probe.DefaultOptions(), Targets: []probe.Target{{Addr: netip.MustParseAddr("127.0.0.1")}}}
	job.Count = 1
	return os.Getenv("MATRIX_TEST_REQUIRE") != "" || icmp.Default().Ping(context.Background(), job, func(probe.Echo) {}) == nil
}

// matrix runs the program in this process and returns what it prints.
func matrix(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	var out, talk bytes.Buffer
	status = run(t.Context(), args, streams{new(bytes.Buffer), &out, &talk})
	return out.String(), talk.String(), status
}
