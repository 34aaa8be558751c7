package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Resolver looks names up; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

var _ Resolver = (*net.Resolver)(nil)

const (
	lookups       = 32 // names being looked up at once
	lookupTimeout = 5 * time.Second
)

// Resolve looks every city's host up, once for the whole round: hosts that
// looked names up for themselves would measure whatever their own resolver
// tells them. network is "ip", "ip4" or "ip6"; with "ip" an IPv4 address is
// preferred, so that the cells of a matrix compare. It fails only if ctx ends.
func Resolve(ctx context.Context, resolver Resolver, cities []City, network string) (Addresses, error) {
	found := make([]Resolved, len(cities))
	tokens := make(chan struct{}, lookups)
	var all sync.WaitGroup
	for i, city := range cities {
		all.Go(func() {
			tokens <- struct{}{}
			defer func() { <-tokens }()
			found[i] = resolve(ctx, resolver, city, network)
		})
	}
	all.Wait()
	addresses := make(Addresses, len(cities))
	for i, city := range cities {
		addresses[city.Name] = found[i]
	}
	return addresses, context.Cause(ctx)
}

func resolve(ctx context.Context, resolver Resolver, city City, network string) Resolved {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	if city.Host == "" {
		return Resolved{Reason: "the inventory has no host"}
	}
	addrs, err := resolver.LookupNetIP(ctx, network, city.Host)
	if err != nil {
		return Resolved{Reason: whyUnresolved(city.Host, err)}
	}
	var chosen netip.Addr
	for _, a := range addrs {
		a = a.Unmap()
		if !chosen.IsValid() || a.Is4() && !chosen.Is4() {
			chosen = a
		}
	}
	if !chosen.IsValid() {
		return Resolved{Reason: fmt.Sprintf("%s has no %s address", city.Host, network)}
	}
	if !IsHost(chosen) {
		return Resolved{Reason: fmt.Sprintf("%s: %v is not the address of one host", city.Host, chosen)}
	}
	return Resolved{Addr: chosen}
}

// IsHost says whether an address can be that of one host: it is not unspecified, and
// not that of many.
func IsHost(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsMulticast() && a.Unmap() != everybody
}

// everybody is the limited broadcast of RFC 919.
var everybody = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// whyUnresolved leaves out which server was asked: that would make two reports
// of the same fault differ.
func whyUnresolved(host string, err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("%s: no such host", host)
	case errors.As(err, &dns) && dns.IsTimeout:
		return fmt.Sprintf("%s: the name servers did not answer", host)
	case errors.As(err, &dns):
		return Clean(fmt.Sprintf("%s: %s", host, dns.Err), 200)
	}
	return Clean(fmt.Sprintf("%s: %v", host, err), 200)
}
