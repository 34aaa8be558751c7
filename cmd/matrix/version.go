package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"matrix/probe"
	"matrix/probe/icmp"
)

// version is that of the module, as the go command stamped it.
func version() string { return thisBuild().version }

// build is what the go command stamped into the program.
type build struct {
	version  string
	commit   string    // "" if it was not built from a repository
	time     time.Time // of the commit
	modified bool      // since the commit
}

var thisBuild = sync.OnceValue(func() build {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return build{version: "(devel)"}
	}
	return readBuild(info)
})

func readBuild(info *debug.BuildInfo) build {
	b := build{version: info.Main.Version}
	if b.version == "" {
		b.version = "(devel)"
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			b.commit = setting.Value
		case "vcs.time":
			// A time that cannot be read is none.
			b.time, _ = time.Parse(time.RFC3339, setting.Value)
		case "vcs.modified":
			b.modified = setting.Value == "true"
		}
	}
	return b
}

func versionCommand(std streams) *cobra.Command {
	var short bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version, and what this machine allows",
		Long: `version prints what this program is and what it may do on this machine, as this
user: open ping sockets, which need no privilege where the system allows them, or
raw ones, and have the kernel stamp the time of every packet. With one of the two
kinds of socket it can measure; traceroutes over UDP and TCP need neither.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			if short {
				_, err := fmt.Fprintln(std.out, version())
				return err
			}
			return writeVersion(std.out, thisBuild(), icmp.Allowed)
		},
	}
	cmd.Flags().BoolVar(&short, "short", false, "nothing but the version")
	return cmd
}

// writeVersion prints a build and what icmp.Allowed, or a test, says of the
// machine.
func writeVersion(w io.Writer, b build, allowed func(v6 bool) icmp.Rights) error {
	fmt.Fprintf(w, "matrix %s %s/%s %s\n", b.version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if b.commit != "" {
		fmt.Fprintf(table, "  commit\t%s\n", b.describe())
	}
	fmt.Fprintf(table, "  user\t%s\n", user())
	hint := ""
	for _, family := range []struct {
		name string
		v6   bool
	}{{"IPv4", false}, {"IPv6", true}} {
		r := allowed(family.v6)
		fmt.Fprintf(table, "  %s ping sockets\t%s\n", family.name, orReason(r.Ping))
		fmt.Fprintf(table, "  %s raw sockets\t%s\n", family.name, orReason(r.Raw))
		if r.Stamps != 0 {
			fmt.Fprintf(table, "  %s times taken\t%s\n", family.name, stampsInWords[r.Stamps])
		}
		hint = cmp.Or(hint, r.Hint)
	}
	if err := table.Flush(); err != nil || hint == "" {
		return err
	}
	_, err := fmt.Fprintf(w, "  This user cannot ping: %s\n", hint)
	return err
}

// describe is the commit as git abbreviates it, with its date.
func (b build) describe() string {
	parts := []string{b.commit[:min(12, len(b.commit))]}
	if !b.time.IsZero() {
		parts = append(parts, "of "+b.time.UTC().Format(time.DateTime)+" UTC")
	}
	if b.modified {
		parts = append(parts, "and changes since")
	}
	return strings.Join(parts, " ")
}

func user() string {
	if os.Getuid() < 0 { // where there are no such numbers
		return "(no number)"
	}
	return fmt.Sprintf("%d, group %d", os.Getuid(), os.Getgid())
}

func orReason(err error) string {
	if err == nil {
		return "allowed"
	}
	return "no: " + err.Error()
}

var stampsInWords = map[probe.Stamps]string{
	probe.UserStamps:    "by the program",
	probe.ReceiveStamps: "of replies by the kernel, of requests by the program",
	probe.KernelStamps:  "by the kernel",
}
