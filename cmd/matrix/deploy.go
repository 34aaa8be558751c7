package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"matrix/probe"
	"matrix/probe/ssh"
)

// deployFlags are the flags of matrix deploy.
type deployFlags struct {
	lookFlags
	check    bool
	allow    networks
	mostRate int
	key      string
}

const deployLong = `deploy puts this program on every host, or on those of the named cities, all at
the same time: the one for the host's system, which it finds beside itself by the
name of matrix-linux-arm64 or the like. It compares checksums, so that where the
same program is already nothing happens; has the host ping itself, to see that it
may; and reports host by host as status does. The first round would do the same.

The program goes to ~/.cache/matrix/matrix, or to --remote-path. At the end deploy
prints the line for ~/.ssh/authorized_keys with which a key can start that program
and nothing else. Everything but putting the program there works over such a key;
for that, use another key, or a package.

Exit status: as of matrix status.`

func deployCommand(std streams) *cobra.Command {
	o := deployFlags{mostRate: probe.DefaultOptions().Rate}
	cmd := &cobra.Command{
		Use:   "deploy [CITY...]",
		Short: "Put matrix on the hosts, and see that it can ping there",
		Long:  deployLong,
		Example: `  matrix deploy
  matrix deploy --check
  matrix deploy --remote-path /usr/local/bin/matrix --key ~/.ssh/matrix.pub
  matrix deploy paris --allow 192.0.2.0/24,2001:db8::/32`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error { return o.deploy(cmd.Context(), args, std) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.check, "check", false, "only look: what is not there is an error")
	f.Var(&o.allow, "allow", "in the line for authorized_keys, the `NETWORKS` that the host may measure (default the addresses of the inventory)")
	f.IntVar(&o.mostRate, "most-rate", o.mostRate, "in that line, the most echo requests a second")
	f.StringVar(&o.key, "key", "", "in that line, the public key in this `FILE`")
	return cmd
}

func (o *deployFlags) deploy(ctx context.Context, wanted []string, std streams) error {
	if o.mostRate < 1 {
		return usage("--most-rate %d: want at least 1 echo request a second", o.mostRate)
	}
	key, err := o.publicKey()
	if err != nil {
		return err
	}
	hosts, chosen, err := o.findChosen(ctx, wanted, std)
	if err != nil {
		return err
	}
	d := &deployer{onlyLook: o.check, found: map[string]ssh.Deployment{}}
	opener, err := o.opener(ctx, hosts.addresses, hosts.log, d.before)
	if err != nil {
		return err
	}
	list := examine(ctx, hosts, opener, chosen)
	for i := range list {
		list[i].Deployed = d.word(list[i].City)
	}
	ended := o.show(std, list)
	if len(o.allow) == 0 {
		o.allow = fleetNetworks(hosts)
	}
	if len(d.found) > 0 { // else no host is reached over ssh
		fmt.Fprintf(std.err, "\nFor ~/.ssh/authorized_keys on the hosts (see matrix probe --help):\n%s\n",
			ssh.AuthorizedKey(d.path, []string{"--allow", o.allow.String(), "--most-rate", strconv.Itoa(o.mostRate)}, key))
	}
	return ended
}

// publicKey is the key of the line for authorized_keys.
func (o *deployFlags) publicKey() (string, error) {
	if o.key == "" {
		return "ssh-ed25519 AAAA…", nil
	}
	text, err := os.ReadFile(o.key)
	if err != nil {
		return "", usage("--key: %w", err)
	}
	line := strings.TrimSpace(string(text))
	if strings.ContainsAny(line, "\r\n") || len(strings.Fields(line)) < 2 || strings.Contains(line, "PRIVATE KEY") {
		return "", usage("--key %s: want the one line of a public key, as in a .pub file", o.key)
	}
	return line, nil
}

// fleetNetworks are the addresses of the fleet, in the order of the inventory.
func fleetNetworks(h *hosts) networks {
	var all networks
	for _, city := range h.cities {
		if addr := h.addresses[city.Name].Addr.Unmap(); addr.IsValid() {
			all = append(all, netip.PrefixFrom(addr.WithZone(""), addr.BitLen()))
		}
	}
	return slices.Compact(all)
}

// deployer puts the program on hosts before sessions are opened on them.
type deployer struct {
	onlyLook bool
	path     string // of the program on the hosts

	mu    sync.Mutex
	found map[string]ssh.Deployment // by city
}

// before makes an opener deploy first.
func (d *deployer) before(dialer *ssh.Dialer, inner probe.Opener) probe.Opener {
	d.path = dialer.KeptPath()
	return openFunc(func(ctx context.Context, city probe.City) (probe.Session, error) {
		done, err := dialer.Deploy(ctx, city, d.onlyLook)
		d.mu.Lock()
		d.found[city.Name] = merge(d.found[city.Name], done)
		d.mu.Unlock()
		if err != nil {
			return nil, err
		}
		return inner.Open(ctx, city)
	})
}

// merge is what several attempts came to.
func merge(before, now ssh.Deployment) ssh.Deployment {
	now.Put = now.Put || before.Put
	return now
}

// word says what became of a host.
func (d *deployer) word(city string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	done, ok := d.found[city]
	switch {
	case !ok:
		return "this machine"
	case done.Forced:
		return "forced command"
	case done.Put:
		return "put there, " + done.Platform
	case done.Platform == "":
		return "unknown"
	case d.onlyLook:
		return "looked, " + done.Platform
	}
	return "there already, " + done.Platform
}

// openFunc is an opener that is a function.
type openFunc func(ctx context.Context, city probe.City) (probe.Session, error)

// Open calls the function.
func (f openFunc) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	return f(ctx, city)
}
