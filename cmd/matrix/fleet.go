package main

import (
	"errors"
	"io/fs"
	"log/slog"

	"github.com/spf13/pflag"

	"matrix/data"
	"matrix/probe"
)

// fleetFlags say which fleet it is and how its hosts are reached. Every command
// that measures has them.
type fleetFlags struct {
	cities          string
	v4, v6          bool
	rsh, remotePath string
	verbose         bool

	viaFlags
}

func (o *fleetFlags) registerCities(f *pflag.FlagSet) {
	f.StringVar(&o.cities, "cities", "", "inventory of cities, a `FILE`, or - for standard input (default cities.csv)")
}

func (o *fleetFlags) registerFamily(f *pflag.FlagSet) {
	f.BoolVarP(&o.v4, "ipv4", "4", false, "IPv4 only")
	f.BoolVarP(&o.v6, "ipv6", "6", false, "IPv6 only")
}

// registerSending has the flags that say how packets leave a host.
func registerSending(f *pflag.FlagSet, s *probe.Sending) {
	f.IntVar(&s.TrafficClass, "tos", 0, "type of service, or traffic class, 0 to 255")
	f.BoolVar(&s.DontFragment, "df", false, "do not let packets be cut into fragments")
	f.VarP((*origin)(&s.Source), "interface", "I", "send by the interface of this `NAME`, or from this address, of each host that sends")
}

// origin is an interface or address as a flag. One that was given is not empty:
// a script's unset variable must not mean any.
type origin string

func (o *origin) String() string { return string(*o) }

func (o *origin) Type() string { return "string" }

func (o *origin) Set(text string) error {
	if text == "" {
		return errors.New("want the name of an interface, or an IP address")
	}
	*o = origin(text)
	return probe.Sending{Source: text}.Check()
}

func (o *fleetFlags) registerReach(f *pflag.FlagSet) {
	f.StringVar(&o.rsh, "rsh", "", "reach hosts with this `COMMAND` instead of ssh; it is split as a shell would")
	f.StringVar(&o.remotePath, "remote-path", "", "`PATH` on the hosts where matrix is, or is put if it is missing or of another version (default: in ~/.cache/matrix)")
}

func (o *fleetFlags) registerVerbose(f *pflag.FlagSet) {
	f.BoolVarP(&o.verbose, "verbose", "v", false, "say what happens, host by host")
}

// inventory reads the cities.
func (o *fleetFlags) inventory(std streams) (*data.Inventory, error) {
	if o.cities == "-" {
		return data.ReadInventory(std.in, "standard input")
	}
	path := o.cities
	if path == "" {
		path = "cities.csv"
	}
	inventory, err := data.OpenInventory(path)
	if errors.Is(err, fs.ErrNotExist) && o.cities == "" {
		return nil, usage("no inventory: there is no cities.csv here; name one with --cities, or try: matrix demo")
	}
	return inventory, err
}

// network is the family that names are resolved to.
func (o *fleetFlags) network() string {
	switch {
	case o.v4:
		return "ip4"
	case o.v6:
		return "ip6"
	}
	return "ip"
}

// logger talks to the person if asked to.
func (o *fleetFlags) logger(std streams) *slog.Logger {
	if !o.verbose {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
