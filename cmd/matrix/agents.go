package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/ssh"
	"matrix/probe/wire"

	"github.com/kballard/go-shellquote"
)

// opener reaches a city in process if it is this machine, and over ssh if not.
// Over NATS every city has its agent.
type opener struct {
	addresses probe.Addresses
	own       map[netip.Addr]bool
	local     probe.Opener
	remote    probe.Opener
}

var _ probe.Opener = (*opener)(nil)

// Open opens a session in a city. A city with an ssh column of its own is
// reached as it says, wherever it is.
func (o *opener) Open(ctx context.Context, city probe.City) (probe.Session, error) {
	addr := o.addresses[city.Name].Addr
	if city.SSH == "" && (o.own[addr] || addr.IsLoopback()) {
		return o.local.Open(ctx, city)
	}
	return o.remote.Open(ctx, city)
}

// reach says how hosts over ssh are opened, given how that is done otherwise.
type reach func(dialer *ssh.Dialer, inner probe.Opener) probe.Opener

// installing puts the program where it is missing.
func installing(_ *ssh.Dialer, inner probe.Opener) probe.Opener { return inner }

// onlyLooking leaves the hosts as they are.
func onlyLooking(dialer *ssh.Dialer, _ probe.Opener) probe.Opener {
	return &wire.Opener{Dialer: dialing(dialer), LookOnly: true}
}

// dialing is an ssh.Dialer as wire wants it.
func dialing(dialer *ssh.Dialer) wire.Dialer {
	return wire.DialFunc(func(ctx context.Context, city probe.City) (wire.Conn, error) {
		conn, err := dialer.Dial(ctx, city)
		if err != nil {
			return nil, err // not a nil *ssh.Conn in a wire.Conn
		}
		return conn, nil
	})
}

// ownBinary is read once: while a service runs, a package may put another
// version into its place.
var ownBinary = sync.OnceValues(func() (*ssh.Binary, error) { return ssh.OwnBinary(version()) })

func (o *fleetFlags) opener(ctx context.Context, addresses probe.Addresses, log *slog.Logger, how reach) (probe.Opener, error) {
	if o.isVia() {
		c, err := o.cross(ctx, log)
		if err != nil {
			return nil, err
		}
		return c.opener(ctx)
	}
	own, err := ownAddresses()
	if err != nil {
		return nil, err
	}
	binary, err := ownBinary()
	if err != nil {
		return nil, err
	}
	sockets, err := ssh.SocketFolder()
	if err != nil {
		log.Debug("connections are not shared", "err", err)
	}
	command, err := shellquote.Split(o.rsh)
	if err != nil {
		return nil, usage("--rsh %s: %w", o.rsh, err)
	}
	dialer := &ssh.Dialer{
		Command:    command,
		RemotePath: o.remotePath,
		Binary:     binary,
		Sockets:    sockets,
	}
	return &opener{
		addresses: addresses,
		own:       own,
		local:     probe.InProcess{New: func() probe.Pinger { return &icmp.ByJob{} }, Build: version()},
		remote:    how(dialer, &wire.Opener{Dialer: dialing(dialer)}),
	}, nil
}

func ownAddresses() (map[netip.Addr]bool, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("this machine's addresses: %w", err)
	}
	own := make(map[netip.Addr]bool, len(addrs))
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			own[prefix.Addr().Unmap()] = true
		}
	}
	return own, nil
}
