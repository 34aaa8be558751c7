package lab

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// answerTTL is short: the lab's addresses end with it.
const answerTTL = 60

// answerDNS answers a query about the lab's hosts and routers: A, AAAA and
// PTR. Everything else does not exist; the lab has no way out to ask. A query
// that is not one gets no answer.
func (n *network) answerDNS(query []byte) ([]byte, error) {
	var parser dnsmessage.Parser
	head, err := parser.Start(query)
	if err != nil {
		return nil, fmt.Errorf("read query: %w", err)
	}
	if head.Response {
		return nil, fmt.Errorf("read query: it is a response")
	}
	question, err := parser.Question()
	if err != nil {
		return nil, fmt.Errorf("read question: %w", err)
	}
	addrs, names, known := n.lookUp(question.Name.String(), question.Type)
	reply := dnsmessage.Header{
		ID: head.ID, Response: true, Authoritative: true,
		RecursionDesired: head.RecursionDesired, RecursionAvailable: true,
	}
	if !known {
		reply.RCode = dnsmessage.RCodeNameError
	}
	builder := dnsmessage.NewBuilder(nil, reply)
	builder.EnableCompression()
	if err := builder.StartQuestions(); err != nil {
		return nil, err
	}
	if err := builder.Question(question); err != nil {
		return nil, err
	}
	if err := builder.StartAnswers(); err != nil {
		return nil, err
	}
	resource := dnsmessage.ResourceHeader{Name: question.Name, Class: question.Class, TTL: answerTTL}
	for _, a := range addrs {
		if a.Is4() {
			err = builder.AResource(resource, dnsmessage.AResource{A: a.As4()})
		} else {
			err = builder.AAAAResource(resource, dnsmessage.AAAAResource{AAAA: a.As16()})
		}
		if err != nil {
			return nil, err
		}
	}
	for _, name := range names {
		target, err := dnsmessage.NewName(name + ".")
		if err != nil {
			return nil, fmt.Errorf("name %q: %w", name, err)
		}
		if err := builder.PTRResource(resource, dnsmessage.PTRResource{PTR: target}); err != nil {
			return nil, err
		}
	}
	return builder.Finish()
}

// lookUp finds what a name stands for. known without an answer means that the
// name exists, but has nothing of that type.
func (n *network) lookUp(name string, wanted dnsmessage.Type) (addrs []netip.Addr, names []string, known bool) {
	name = lower(strings.TrimSuffix(name, "."))
	if addr, ok := reverseName(name); ok {
		target, ok := n.byAddr[addr]
		switch {
		case !ok:
			return nil, nil, false
		case wanted != dnsmessage.TypePTR:
			return nil, nil, true
		case target.isRouter && n.routers[target.index].nameless:
			return nil, nil, false
		case addr == dnsAddr:
			return nil, []string{"dns." + Domain}, true
		case target.isRouter:
			return nil, []string{n.routers[target.index].name}, true
		}
		return nil, []string{n.hosts[target.index].names[0]}, true
	}
	var all []netip.Addr
	if index, ok := n.byName[name]; ok {
		all = n.hosts[index].addrs
	} else if index, ok := n.routing[name]; ok {
		all = []netip.Addr{n.routers[index].addr, n.routers[index].addr6}
	}
	if name == "dns."+Domain {
		all = []netip.Addr{dnsAddr}
	}
	for _, a := range all {
		if a.Is4() && wanted == dnsmessage.TypeA || a.Is6() && wanted == dnsmessage.TypeAAAA {
			return []netip.Addr{a}, nil, true
		}
	}
	return nil, nil, len(all) > 0
}

// reverseName is the address that a name of in-addr.arpa or ip6.arpa asks for.
func reverseName(name string) (netip.Addr, bool) {
	if text, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(text, ".")
		if len(parts) != 4 {
			return netip.Addr{}, false
		}
		addr, err := netip.ParseAddr(parts[3] + "." + parts[2] + "." + parts[1] + "." + parts[0])
		return addr, err == nil
	}
	text, ok := strings.CutSuffix(name, ".ip6.arpa")
	nibbles := strings.Split(text, ".")
	if !ok || len(nibbles) != 32 {
		return netip.Addr{}, false
	}
	var raw [16]byte
	for i := range nibbles {
		v, err := strconv.ParseUint(nibbles[31-i], 16, 4)
		if err != nil {
			return netip.Addr{}, false
		}
		raw[i/2] |= byte(v) << (4 * (1 - i%2))
	}
	return netip.AddrFrom16(raw), true
}
