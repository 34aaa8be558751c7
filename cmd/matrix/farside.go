package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/quota"
	"matrix/probe/ssh"
	"matrix/probe/wire"
)

// disguise makes a far side lie, in programs that are built for tests; nil in
// all others.
var disguise func(*wire.FarSide)

const probeLong = `probe is what matrix starts on a city's host: it takes jobs on stdin and answers
on stdout until stdin ends. By hand it is of use in one place, as the forced
command of the ssh key that the coordinator uses, where it also says what that
key may ask the host to do, whatever the coordinator is told:

  restrict,command=".cache/matrix/matrix probe --allow 192.0.2.0/24" ssh-ed25519 AAAA…

Over such a key nothing else can be run: what was asked for is never executed, and
refused if it is not a coordinator that asks. matrix deploy prints this line.`

// guarded is what pings for others: only where and as fast as the host's owner
// allows, in all sessions together.
func guarded(allow networks, mostRate int) *probe.Guard {
	guard := &probe.Guard{Pinger: &icmp.ByJob{}, Allow: allow, MostRate: mostRate}
	if mostRate > 0 {
		guard.Budget = &quota.Folder{Most: mostRate}
	}
	return guard
}

// probeCommand is the far side; a coordinator starts it.
func probeCommand(std streams) *cobra.Command {
	var allow networks
	var mostRate int
	cmd := &cobra.Command{
		Use:     "probe",
		Short:   "The far side of a measurement, on a city's host",
		Long:    probeLong,
		Example: `  matrix probe --allow 192.0.2.0/24,2001:db8::/32 --most-rate 250`,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if mostRate < 0 {
				return usage("--most-rate %d: want at least 1 echo request a second, or 0 for no limit", mostRate)
			}
			if err := ssh.CheckForced(os.Getenv("SSH_ORIGINAL_COMMAND")); err != nil {
				return err
			}
			far := wire.FarSide{
				Pinger:  guarded(allow, mostRate),
				Version: version(),
			}
			if disguise != nil {
				disguise(&far)
			}
			return far.Serve(cmd.Context(), std.in, std.out)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var(&allow, "allow", "measure only addresses in these `NETWORKS`, with commas between them, and this host's own; others are refused")
	f.IntVar(&mostRate, "most-rate", 0, "send at most this many packets a second, in all sessions of this user together; jobs that want more are refused (default no limit)")
	return cmd
}

// networks are address ranges as a flag: 192.0.2.0/24, or a single address.
type networks []netip.Prefix

func (n *networks) Type() string { return "networks" }

func (n *networks) String() string {
	var words []string
	for _, p := range *n {
		if p.IsSingleIP() {
			words = append(words, p.Addr().String())
		} else {
			words = append(words, p.String())
		}
	}
	return strings.Join(words, ",")
}

// Set adds what is in a list with commas.
func (n *networks) Set(text string) error {
	for word := range strings.SplitSeq(text, ",") {
		p, err := parseNetwork(strings.TrimSpace(word))
		if err != nil {
			return err
		}
		*n = append(*n, p)
	}
	return nil
}

func parseNetwork(word string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(word); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(word)
	if err != nil || p.Addr().Is4In6() {
		return p, fmt.Errorf("%q: want a network such as 192.0.2.0/24 or 2001:db8::/32, or an address", probe.Clean(word, 60))
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%s: there are bits set behind the first %d; do you mean %v?", p, p.Bits(), p.Masked())
	}
	return p, nil
}
