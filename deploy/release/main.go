// Command release makes everything that is published of a version, from a
// commit:
//
//	git clone ─ go build, a system at a time ─┬─ archives ──────────────┐
//	            └ matrix man, completion ─────┼─ .deb, .rpm (nfpm)      ├─ SHA256SUMS
//	                                          └─ a bill of materials ───┘
//
// The same commit and the same Go make the same bytes, wherever and whenever:
// the clone is all that is built from, and its time is that of every file.
//
//	go run ./deploy/release -out dist
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, talk io.Writer) error {
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	out := flags.String("out", "dist", "`folder` for the files; it must be empty, or not be there yet")
	commit := flags.String("commit", "HEAD", "what to release")
	only := flags.String("only", "", "only these `systems`, as linux/amd64,windows/amd64")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	targets, err := choose(*only)
	if err != nil {
		return err
	}
	if err := makeEmpty(*out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "matrix-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r := &release{repository: ".", commit: *commit, work: work, out: *out, targets: targets, talk: talk}
	return r.make(ctx)
}

func makeEmpty(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", folder)
	}
	return err
}
