package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"matrix/data/history"
	"matrix/data/history/s3"
)

// syncFlags are the flags of matrix sync.
type syncFlags struct {
	history           string
	move, look, quiet bool
}

const syncLong = `sync copies the history to another folder, or to a bucket: s3://BUCKET/PREFIX. What
is there already is not copied again, so it may be interrupted and repeated; each
file is read back and held against its checksum. Nothing there is changed or
removed, and nothing here unless --move is given.

Without TO it delivers the rounds that could not be put into the bucket of
--history, and wait on this machine.

Exit status: 0 all is there, 1 a damaged or foreign file stays here, 3 the
arguments are wrong, 4 the system failed.`

func syncCommand(std streams) *cobra.Command {
	var o syncFlags
	cmd := &cobra.Command{
		Use:   "sync [TO]",
		Short: "Copy the history to a bucket or a folder",
		Long:  syncLong,
		Example: `  matrix sync --dry-run s3://fleet/history
  matrix sync --move s3://fleet/history
  matrix sync --history s3://fleet/history /backup/history
  matrix sync --history s3://fleet/history`,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch len(args) {
			case 0:
				return o.deliver(cmd.Context(), std)
			case 1:
				return o.copy(cmd.Context(), args[0], std)
			}
			return usage("want one folder or bucket, and was given %q (see %s --help)", args, cmd.CommandPath())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	registerHistory(f, &o.history)
	f.BoolVar(&o.move, "move", false, "remove each file here, once it was read there")
	f.BoolVarP(&o.look, "dry-run", "n", false, "only say what there is to do")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	return cmd
}

// deliver puts what waits on this machine into the bucket.
func (o *syncFlags) deliver(ctx context.Context, std streams) error {
	if !s3.IsLocation(o.history) {
		return usage("where to? want a folder or s3://BUCKET/PREFIX; without that --history must be a bucket, for which rounds may wait")
	}
	if o.move {
		return usage("--move: where to?")
	}
	h, err := openHistory(o.history)
	if err != nil {
		return err
	}
	if o.look {
		for _, p := range h.Problems() {
			fmt.Fprintf(std.out, "%s: %s\n", p.Subject, p.Text)
		}
		return nil
	}
	delivered, err := h.Deliver(ctx)
	fmt.Fprintf(std.out, "%s: %s delivered\n", h.Dir(), count(delivered, "file"))
	return err
}

// copy copies the history.
func (o *syncFlags) copy(ctx context.Context, where string, std streams) error {
	from, err := readHistory(o.history)
	if err != nil {
		return err
	}
	to, err := openHistory(where)
	if err != nil {
		return err
	}
	if from.Dir() == to.Dir() {
		return usage("%s is the history itself; name another place", where)
	}
	bar := gauge{std: std, quiet: o.quiet, text: "copying"}
	done, err := from.Sync(ctx, to, history.SyncOptions{Move: o.move, Look: o.look, Progress: bar.show})
	bar.clear()
	for _, w := range done.Warnings {
		fmt.Fprintf(std.err, "matrix: %s: %s\n", w.Subject, w.Text)
	}
	fmt.Fprintf(std.out, "%s: %s\n", to.Dir(), o.tell(done))
	if err != nil {
		return err
	}
	if len(done.Warnings) > 0 {
		return &statusError{exitSomeMissed, fmt.Errorf("%s not copied", count(len(done.Warnings), "file"))}
	}
	return nil
}

// tell says what was done, or is to be done.
func (o *syncFlags) tell(done history.Synced) string {
	what := "copied and read back"
	if o.look {
		what = "to copy"
	}
	text := fmt.Sprintf("%s, %.1f MB %s; %d there already", count(done.Files, "file"), float64(done.Bytes)/1e6, what, done.There)
	if o.move && !o.look {
		text += fmt.Sprintf("; %d removed here", done.Removed)
	}
	return text
}
