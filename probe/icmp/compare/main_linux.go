package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	child := flag.String("child", "", "be an engine: kernel, tens, even or probing")
	var p plan
	flag.IntVar(&p.targets, "targets", 250, "of the child")
	flag.IntVar(&p.count, "count", 30, "echo requests a target, of the child")
	flag.DurationVar(&p.interval, "interval", 100*time.Millisecond, "between two to the same target, of the child")
	rounds := flag.Int("rounds", 3, "of everything; the median is printed")
	only := flag.String("only", "middle,heavy,light,accuracy,spacing,lightspacing,peak,loss", "what to measure")
	flag.Func("tools", "only those whose names have a part that matches this regular expression", func(text string) (err error) {
		among, err = regexp.Compile(text)
		return err
	})
	flag.Parse()
	var err error
	switch {
	case *child != "":
		err = runEngine(*child, p)
	case os.Getenv("COMPARE_INSIDE") == "":
		err = goInside()
	default:
		err = compare(strings.Split(*only, ","), *rounds)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// goInside runs this program again in a network namespace of its own.
func goInside() error {
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Env = append(os.Environ(), "COMPARE_INSIDE=1")
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	return again.Run()
}

func compare(parts []string, rounds int) error {
	if err := buildNetwork(); err != nil {
		return err
	}
	do := func(part string, measure func(int) error) error {
		if !slices.Contains(parts, part) {
			return nil
		}
		return measure(rounds)
	}
	for _, step := range []struct {
		part    string
		measure func(int) error
	}{
		{"middle", middle.costs}, {"heavy", heavy.costs}, {"light", light.costs}, {"accuracy", accuracies}, {"spacing", middle.spacings}, {"lightspacing", light.spacings}, {"peak", peaks}, {"loss", losses},
	} {
		if err := do(step.part, step.measure); err != nil {
			return fmt.Errorf("%s: %w", step.part, err)
		}
	}
	return nil
}
