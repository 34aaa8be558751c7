package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"matrix/probe"
	"matrix/probe/bus/server"
)

const keysLong = `keys lists the keys of agents and coordinator that matrix init --nats made, and
takes back those of hosts that are not to be trusted any more.

A key that was revoked is not known to the server once that has read its
configuration again: the one in matrix does by itself, within seconds; for another
one: nats-server --signal reload. Its connections end then. matrix init --nats gives
the city a new one.`

func keysCommand(std streams) *cobra.Command {
	var folder string
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "The keys of agents: list them, revoke them",
		Long:  keysLong,
		Example: `  matrix keys
  matrix keys revoke baltimore`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return listKeys(folder, std.out) },
	}
	cmd.PersistentFlags().StringVar(&folder, "nats-dir", natsFolder, "`DIR` that matrix init --nats made")
	cmd.AddCommand(&cobra.Command{
		Use:   "revoke CITY",
		Short: "Take back the key of a city's agent",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("matrix keys revoke takes one CITY, and was given %q", args)
			}
			if err := server.Revoke(folder, args[0], time.Now()); err != nil {
				return usage("%w", err)
			}
			_, err := fmt.Fprintf(std.out, "the key of %s is revoked; have a server of your own read it: nats-server --signal reload\n", args[0])
			return err
		},
	})
	return cmd
}

func listKeys(folder string, w io.Writer) error {
	holders, err := server.Holders(folder)
	if err != nil {
		return err
	}
	if len(holders) == 0 {
		return usage("%s has no keys; matrix init --nats makes them", folder)
	}
	for _, h := range holders {
		who, state := h.City, "holds"
		if who == "" {
			who = "coordinator"
		}
		if h.Revoked != "" {
			state = "revoked " + h.Revoked
		}
		if _, err := fmt.Fprintf(w, "%-20s %s  %s\n", who, h.Public, state); err != nil {
			return err
		}
	}
	return nil
}

// makeKeys makes what NATS needs for the cities, beside the settings.
func makeKeys(folder string, hosts []string, cities []probe.City, w io.Writer) error {
	var names []string
	for _, c := range cities {
		names = append(names, c.Name)
	}
	folder = filepath.Join(folder, natsFolder)
	made, err := server.Make(folder, hosts, names)
	if err != nil {
		return fmt.Errorf("--nats: %w", err)
	}
	config := shellquote.Join(filepath.Join(folder, server.ConfigFile))
	_, err = fmt.Fprintf(w, `wrote %s: %s and the configuration of a NATS server
  nats-server -c %s
      starts it; one that runs knows new cities after --signal reload, given twice;
      the servers of a cluster are started again, one after another
  matrix agent --key CITY.key
      on each host, with its own key out of %s
  matrix --via tls://%s
      measures over it
`, folder, count(len(made), "key"), config, filepath.Join(folder, "agents"), hosts[0])
	return err
}
