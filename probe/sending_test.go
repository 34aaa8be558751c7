package probe

import (
	"strings"
	"testing"
)

func TestSending(t *testing.T) {
	for _, source := range []string{"", "eth0", "bond0.12@if3", "Ethernet 2", "192.0.2.1", "2001:db8::1", "fe80::1%eth0"} {
		if err := (Sending{Source: source}).Check(); err != nil {
			t.Errorf("%q: %v", source, err)
		}
	}
	for source, want := range map[string]string{
		"0.0.0.0":                "no packet comes from that address",
		"::":                     "no packet comes from that address",
		"224.0.0.1":              "no packet comes from that address",
		"ff02::1%eth0":           "no packet comes from that address",
		"../etc":                 "want the name of an interface",
		"eth0:1":                 "want the name of an interface",
		"2001:db8::g":            "want the name of an interface",
		"fe80::1%a/b":            "want the name of an interface",
		"192.0.2.0/24":           "want the name of an interface",
		" eth0":                  "want the name of an interface",
		"eth0\x1b[31m":           "want the name of an interface",
		strings.Repeat("x", 257): "want the name of an interface",
	} {
		err := Sending{Source: source}.Check()
		if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 200 {
			t.Errorf("%q: error %v, want %q", source, err, want)
		}
	}
	if err := (Sending{TrafficClass: -1}).Check(); err == nil {
		t.Error("a type of service of -1")
	}
}
