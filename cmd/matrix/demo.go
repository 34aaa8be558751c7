package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/probe/lab"
	"matrix/report"
)

// parisRoutes sends Baltimore → New York over Paris, as its provider did.
//
//go:embed demo/paris.toml
var parisRoutes []byte

func demoCommand(std streams) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Measure ten cities of a virtual internet on this machine",
		Long: `demo builds a virtual internet on this machine, with the ten cities and the
round-trip times that WonderProxy published in 2011, and measures it: real
kernels answer real echo requests. Nothing has to be installed and nothing
leaves the machine. It takes about 15 seconds.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), out, std)
		},
	}
	cmd.Flags().StringVar(&out, "out", "matrix-demo", "write the tables and pages into this `DIR`")
	return cmd
}

// demo is the main job, as a person would run it, in a lab.
func demo(ctx context.Context, out string, std streams) error {
	if err := checkOut(out); err != nil {
		return fmt.Errorf("--out: %w", err)
	}
	cities, err := data.Published2011().Open("cities.csv")
	if err != nil {
		return err
	}
	defer cities.Close()
	config, err := demoLab()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	rsh := shellquote.Join(self, "lab", "exec")
	status, err := runLab(ctx, config, streams{cities, std.out, std.err},
		[]string{self, "--cities", "-", "--rsh", rsh, "--remote-path", self, "--interval", "600ms", "--out", out, "--history", noHistory, "--config", noSettings})
	if err != nil {
		return err
	}
	if status != exitMeasured {
		return &statusError{status: status}
	}
	return tellStory(out, std)
}

// demoLab is the virtual internet of 2011.
func demoLab() (lab.Config, error) {
	routes, err := lab.ParseRoutes("paris.toml", parisRoutes)
	if err != nil {
		return lab.Config{}, err
	}
	return lab.Config{Cities: data.Cities2011().Cities, RTT: rttTable(data.Round2011()), Routes: routes}, nil
}

// rttTable is a round as a lab's table: the average of every measured pair.
func rttTable(round *probe.Round) map[probe.Pair]time.Duration {
	table := make(map[probe.Pair]time.Duration, len(round.Samples))
	for i := range round.Samples {
		if rtt, ok := round.Samples[i].Summary().Get(probe.Avg); ok {
			table[round.Samples[i].Pair] = rtt
		}
	}
	return table
}

// tellStory says what the two worst pairs are, from the round that was saved.
func tellStory(out string, std streams) error {
	round, err := data.OpenRound(filepath.Join(out, "round.json"), nil)
	if err != nil {
		return err
	}
	worst := report.New(round, report.Options{Stat: probe.Avg, Fibre: geo.DefaultFibre})
	var b strings.Builder
	b.WriteString("\nTwo pairs stand out:\n")
	for _, p := range worst.Worst(2) {
		rtt, _ := worst.Value(p, report.RTT)
		fibre, _ := worst.Fibre(p)
		fmt.Fprintf(&b, "  %s → %s takes %.1f ms for %.0f miles: %.1f %% of the speed of light in fibre\n",
			worst.Title(p.From), worst.Title(p.To), rtt, float64(*p.Miles), fibre)
	}
	b.WriteString("In 2011 Baltimore → New York was found just so, and a traceroute showed its packets going by way of Paris,\n" +
		"as the one above does.\n\n")
	fmt.Fprintf(&b, "The page:    %s\n", filepath.Join(out, "index.html"))
	fmt.Fprintf(&b, "The tables:  %s\n", filepath.Join(out, "rtt.csv, speed.csv, fibre.csv, loss.csv, distance.csv, pairs.csv"))
	fmt.Fprintf(&b, "The traces:  %s\n", filepath.Join(out, "traces.json"))
	fmt.Fprintf(&b, "The round:   %s\n", filepath.Join(out, "round.json"))
	_, err = std.out.Write([]byte(b.String()))
	return err
}
