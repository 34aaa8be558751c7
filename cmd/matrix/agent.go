package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/wire"
)

const agentLong = `agent runs on a city's host and serves its jobs: for hosts that ssh does not reach,
and for fleets that are too many for it. It dials out to NATS, with the key that
matrix init --nats made for the city, and listens nowhere.

What was measured is kept in a folder until NATS has it: while the host is cut off,
and when the program is killed. If the fleet has a plan (matrix serve --autonomous),
it measures by that without being told, at the times of this host's clock. It needs
no root: see matrix version.`

// agentFlush is how long what was measured may wait for company: a message a
// second is a tenth of what ssh's far sides write.
const agentFlush = time.Second

func agentCommand(std streams) *cobra.Command {
	var key, via, spool string
	var allow networks
	var mostRate int
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Serve a city's jobs over NATS, on its host",
		Long:  agentLong,
		Example: `  matrix agent --key baltimore.key
  matrix agent --key baltimore.key --allow 192.0.2.0/24 --most-rate 250`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key == "" {
				return usage("--key names the city's key, which matrix init --nats makes")
			}
			if mostRate < 0 {
				return usage("--most-rate %d: want at least 1 echo request a second, or 0 for no limit", mostRate)
			}
			k, err := bus.ReadKey(key)
			if err != nil {
				return usage("--key: %w", err)
			}
			if k.City == "" {
				return usage("--key %s: it is the coordinator's; an agent needs its city's", key)
			}
			if via != "" {
				k.Via = via
			}
			if spool, err = spoolFolder(spool, k.City); err != nil {
				return err
			}
			lock, err := lockSpool(spool)
			if err != nil {
				return err
			}
			defer lock.Close()
			a := bus.Agent{
				Key: k, Folder: spool,
				Log:    slog.New(slog.NewTextHandler(std.err, nil)),
				Serve:  farSide(func() probe.Pinger { return guarded(allow, mostRate) }),
				Accept: guarded(allow, mostRate).Check,
				Ready:  func() { fmt.Fprintf(std.err, "matrix: the agent of %s is connected\n", k.City) },
			}
			return a.Run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&key, "key", "", "the city's key, a `FILE`")
	f.StringVar(&via, "via", "", "`URLS` of NATS, with commas between them (default those in the key)")
	f.StringVar(&spool, "spool", "", "keep what NATS does not have yet in this `DIR` (default $STATE_DIRECTORY, or ~/.local/state/matrix/CITY)")
	f.Var(&allow, "allow", "measure only addresses in these `NETWORKS`, with commas between them, and this host's own; others are refused")
	f.IntVar(&mostRate, "most-rate", 0, "send at most this many packets a second, in all sessions of this user together; jobs that want more are refused (default no limit)")
	return cmd
}

// farSide answers as matrix probe does.
func farSide(pinger func() probe.Pinger) func(context.Context, io.Reader, io.Writer) error {
	return func(ctx context.Context, in io.Reader, out io.Writer) error {
		far := wire.FarSide{Pinger: pinger(), Version: version(), Flush: agentFlush}
		if disguise != nil {
			disguise(&far)
		}
		return far.Serve(ctx, in, out)
	}
}

// spoolFolder is where an agent keeps what is not delivered: what systemd gives
// a service (systemd.exec(5)), or where programs keep their state (XDG Base
// Directory Specification).
func spoolFolder(flag, city string) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if state := os.Getenv("STATE_DIRECTORY"); state != "" {
		return filepath.Join(state, city), nil
	}
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for what is not delivered; name one with --spool DIR: %w", err)
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "matrix", city), nil
}

// lockSpool has the folder to itself until the file is closed: two agents would
// give the same numbers to what they keep there, and overwrite each other's.
func lockSpool(folder string) (*os.File, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	lock, err := lockAlone(filepath.Join(folder, "agent.lock"))
	if held := (*lockedError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("another matrix agent%s keeps what it measured in %s; end it, or name another folder with --spool", held.who(), folder)
	}
	return lock, err
}
