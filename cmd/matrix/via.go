package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
	"matrix/probe/wire"
)

// viaFlags say how agents are reached over NATS instead of hosts over ssh.
type viaFlags struct {
	via, natsKey, natsListen string

	crossing *crossing // once there is one
}

// natsFolder is where matrix init puts keys, beside the settings.
const natsFolder = "nats"

func (o *viaFlags) registerVia(f *pflag.FlagSet) {
	f.StringVar(&o.via, "via", "", "reach hosts over NATS at these `URLS`, with commas between them, instead of ssh; each runs matrix agent")
	f.StringVar(&o.natsKey, "nats-key", "", "the coordinator's key, a `FILE` (default nats/coordinator.key)")
	f.StringVar(&o.natsListen, "nats-listen", "", "run the NATS server in this program, at `HOST:PORT`, with the configuration beside the key")
}

// isVia says whether hosts are reached over NATS.
func (o *viaFlags) isVia() bool { return o.via != "" || o.natsListen != "" }

func (o *viaFlags) keyFile() string {
	if o.natsKey != "" {
		return o.natsKey
	}
	return filepath.Join(natsFolder, server.CoordinatorFile)
}

// cross connects to NATS, once for a command; leave ends it.
func (o *viaFlags) cross(ctx context.Context, log *slog.Logger) (*crossing, error) {
	if o.crossing != nil {
		return o.crossing, nil
	}
	key, err := bus.ReadKey(o.keyFile())
	if err != nil {
		return nil, usage("--nats-key: %w (matrix init --nats makes keys)", err)
	}
	c := &crossing{log: log}
	if o.via != "" {
		key.Via = o.via
	}
	if o.natsListen != "" {
		c.server, err = server.Start(ctx, server.Config{
			Folder: filepath.Dir(o.keyFile()), Listen: o.natsListen, Log: log, Violation: c.violated,
		})
		if err != nil {
			return nil, fmt.Errorf("--nats-listen: %w", err)
		}
		if o.via == "" {
			key.Via = localURL(c.server.Address())
		}
	}
	if c.bus, err = bus.Connect(ctx, key, log); err != nil {
		c.close()
		return nil, err
	}
	if c.server != nil {
		c.bus.Patience = reunion
	}
	o.crossing = c
	return c, nil
}

// reunion is how long agents may take to find a server that has just started:
// they look for it once or twice a second.
const reunion = 5 * time.Second

// localURL is where a server of this program is reached from here.
func localURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "tls://" + net.JoinHostPort(host, port)
}

// leave ends the connection, if there is one.
func (o *viaFlags) leave() {
	if o.crossing != nil {
		o.crossing.close()
		o.crossing = nil
	}
}

// crossing is a connection to NATS while a command runs.
type crossing struct {
	bus    *bus.Bus
	server *server.Server // nil: runs elsewhere
	look   *bus.Dialer    // for what is not kept
	log    *slog.Logger

	mu         sync.Mutex
	violations []string // by whoever said or asked what its key may not
}

// mostViolations is how many are told of one round.
const mostViolations = 20

func (c *crossing) violated(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, what, found := strings.Cut(text, " - "); found {
		text = what // without the port, which changes
	}
	if len(c.violations) < mostViolations && !slices.Contains(c.violations, text) {
		c.violations = append(c.violations, text)
	}
}

// warnings are what the server of this program refused so far.
func (c *crossing) warnings() []probe.Warning {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []probe.Warning
	for _, text := range c.violations {
		all = append(all, probe.Warning{Subject: "NATS", Text: "refused: " + text})
	}
	c.violations = nil
	return all
}

func (c *crossing) close() {
	if c.look != nil {
		c.look.Close()
	}
	if c.bus != nil {
		in, bytesIn, out, bytesOut := c.bus.Traffic()
		c.log.Debug("NATS traffic", "messages_in", in, "bytes_in", bytesIn, "messages_out", out, "bytes_out", bytesOut)
		c.bus.Close()
	}
	if c.server != nil {
		c.server.Close()
	}
}

// silence is how long an agent may be silent in the middle of a job: longer than
// over ssh, since it may have to find another server.
const busSilence = 20 * time.Second

// speaking is a dialer's conversations as wire wants them.
func speaking[C wire.Conn](dial func(context.Context, probe.City) (C, error)) *wire.Opener {
	return &wire.Opener{Silence: busSilence, Dialer: wire.DialFunc(func(ctx context.Context, city probe.City) (wire.Conn, error) {
		conn, err := dial(ctx, city)
		if err != nil {
			return nil, err // not a nil pointer in a wire.Conn
		}
		return conn, nil
	})}
}

// opener reaches agents for what nobody needs later: a look, a trace.
func (c *crossing) opener(ctx context.Context) (probe.Opener, error) {
	if c.look == nil {
		var err error
		if c.look, err = c.bus.Dial(context.WithoutCancel(ctx)); err != nil {
			return nil, err
		}
	}
	return speaking(c.look.Dial), nil
}

// booked is a round that is in the books until it is saved.
type booked struct {
	*bus.Held
	owing []string // cities that have not told all
}

// measure carries out the plan of a ticket, with what is said kept.
func (c *crossing) measure(ctx context.Context, ticket bus.Ticket, plan probe.Plan, progress func(probe.Progress)) (*probe.Round, *booked, error) {
	held, err := c.bus.Begin(ctx, ticket)
	if err != nil {
		return nil, nil, err
	}
	dialer, err := held.Dial(context.WithoutCancel(ctx))
	if err != nil {
		held.Release(ctx)
		return nil, nil, err
	}
	coordinator := probe.Coordinator{Opener: speaking(dialer.Dial), Log: c.log, Progress: progress}
	round := coordinator.Run(ctx, plan)
	round.Start = ticket.Start
	round.Warnings = append(round.Warnings, c.warnings()...)
	dialer.Close()
	return round, &booked{held, dialer.Owing()}, nil
}
