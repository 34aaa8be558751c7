package lab

import (
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// query asks the lab's DNS and returns the answers as text.
func query(t *testing.T, n *network, name string, kind dnsmessage.Type) (string, dnsmessage.RCode) {
	t.Helper()
	question := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: 77, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name), Type: kind, Class: dnsmessage.ClassINET}},
	}
	text, err := question.Pack()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := n.answerDNS(text)
	if err != nil {
		t.Fatal(err)
	}
	var answer dnsmessage.Message
	if err := answer.Unpack(raw); err != nil {
		t.Fatal(err)
	}
	if answer.ID != 77 || !answer.Response {
		t.Errorf("header: %+v", answer.Header)
	}
	var found []string
	for _, r := range answer.Answers {
		switch body := r.Body.(type) {
		case *dnsmessage.AResource:
			found = append(found, netip.AddrFrom4(body.A).String())
		case *dnsmessage.AAAAResource:
			found = append(found, netip.AddrFrom16(body.AAAA).String())
		case *dnsmessage.PTRResource:
			found = append(found, body.PTR.String())
		}
	}
	return strings.Join(found, " "), answer.RCode
}

func TestDNS(t *testing.T) {
	n := routed(t, "")
	const ok, unknown = dnsmessage.RCodeSuccess, dnsmessage.RCodeNameError
	a, aaaa, ptr := dnsmessage.TypeA, dnsmessage.TypeAAAA, dnsmessage.TypePTR
	for _, c := range []struct {
		name string
		kind dnsmessage.Type
		want string
		code dnsmessage.RCode
	}{
		{"sydney.", a, "198.18.0.1", ok},
		{"SYDNEY.lab.example.", a, "198.18.0.1", ok},
		{"sydney.", aaaa, "fd6c:6162::1:1", ok},
		{"paris.example.net.", a, "198.18.0.3", ok},
		{"brisbane.", a, "198.19.3.4", ok},
		{"brisbane.", dnsmessage.TypeMX, "", ok},
		{"ge0.ar1.sydney.lab.example.", a, "100.64.0.1", ok},
		{"ge0.ar1.sydney.lab.example.", aaaa, "fd6c:6162:0:1::1", ok},
		{"dns.lab.example.", a, "198.18.255.53", ok},
		{"operator.", a, "198.18.255.1", ok},
		{"4.3.19.198.in-addr.arpa.", ptr, "brisbane.lab.example.", ok},
		{"1.0.64.100.in-addr.arpa.", ptr, "ge0.ar1.sydney.lab.example.", ok},
		{"1.0.64.100.in-addr.arpa.", a, "", ok},
		{"1.0.0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.2.6.1.6.c.6.d.f.ip6.arpa.", ptr, "sydney.lab.example.", ok},
		{"9.9.64.100.in-addr.arpa.", ptr, "", unknown},
		{"x.in-addr.arpa.", ptr, "", unknown},
		{"example.com.", a, "", unknown},
		{"nowhere.lab.example.", a, "", unknown},
	} {
		if got, code := query(t, n, c.name, c.kind); got != c.want || code != c.code {
			t.Errorf("%s %v: %q, %v; want %q, %v", c.name, c.kind, got, code, c.want, c.code)
		}
	}
}

// A router without a name answers, and has none.
func TestDNSNameless(t *testing.T) {
	n := routed(t, `
[[route]]
from = "sydney"
to = "paris"
hops = [{name = "bare.lab.example", delay = "1ms", address = "100.64.9.9", nameless = true}]`)
	if got, code := query(t, n, "9.9.64.100.in-addr.arpa.", dnsmessage.TypePTR); got != "" || code != dnsmessage.RCodeNameError {
		t.Errorf("it is called %q, %v", got, code)
	}
}

func FuzzDNS(f *testing.F) {
	n := routed(f, "")
	question := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName("sydney."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	text, err := question.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Fuzz(func(t *testing.T, text []byte) {
		if answer, err := n.answerDNS(text); err == nil && len(answer) < 12 {
			t.Fatalf("an answer of %d bytes", len(answer))
		}
	})
}

func TestPasswd(t *testing.T) {
	machine := "root:x:0:0:root:/root:/bin/bash\nme:x:1000:1000::/home/me:/usr/sbin/nologin\n"
	text, name := passwd(machine, 1000, 1000, "/h", "/s")
	if want := "me:*:1000:1000:lab:/h:/s\nroot:x:0:0:root:/root:/bin/bash\n"; text != want || name != "me" {
		t.Errorf("%s: %q, want %q", name, text, want)
	}
	if _, name := passwd(machine, 4711, 1, "/h", "/s"); name != "matrix" {
		t.Errorf("a user that the machine does not know is called %s", name)
	}
}
