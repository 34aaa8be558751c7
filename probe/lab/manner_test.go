package lab

import (
	"encoding/binary"
	"strings"
	"testing"
)

// A router's labels come behind a quote of 128 bytes, padded if need be, and
// the message says so in the words of its family (RFC 4884, section 4).
func TestLabels(t *testing.T) {
	for _, c := range []struct {
		request []byte
		v6      bool
	}{{echoPacket(here4, there4, 1, 8), false}, {echoPacket(here4, there4, 1, 1000), false}, {echoPacket(here6, there6, 1, 8), true}} {
		h, _ := parse(c.request)
		router, at, word := router4, 5, 4
		if c.v6 {
			router, at, word = router6, 4, 8
		}
		got := appendAnswer(nil, c.request, &h, answerTimeExceeded, router, 1, 255, manner{labels: []uint32{24001, 17}})
		checkSums(t, got)
		outer, _ := parse(got)
		message := got[outer.transport:]
		if int(message[at])*word != quotedLeast || len(message) != 8+quotedLeast+16 {
			t.Fatalf("%d words of %d, %d bytes in all", message[at], word, len(message))
		}
		extensions := message[8+quotedLeast:]
		if checksum(0, extensions) != 0 || extensions[0]>>4 != 2 || extensions[6] != 1 || extensions[7] != 1 {
			t.Errorf("extensions %x", extensions)
		}
		if first, last := binary.BigEndian.Uint32(extensions[8:]), binary.BigEndian.Uint32(extensions[12:]); first != 24001<<12|1 || last != 17<<12|1<<8|1 {
			t.Errorf("labels %x %x", first, last)
		}
	}
}

func TestRefusal(t *testing.T) {
	config := cities(2)
	routes, err := ParseRoutes("x.toml", []byte(`
[[route]]
from = "c0"
to = "c1"
rtt = "60ms"
hops = [{name = "a.example", delay = "1ms"}, {name = "wall.example", delay = "2ms", refuse = "!X"}, {name = "b.example", delay = "3ms"}]`))
	if err != nil {
		t.Fatal(err)
	}
	config.Routes = routes
	n, err := newNetwork(&config)
	if err != nil {
		t.Fatal(err)
	}
	for ttl := uint8(1); ttl < 6; ttl++ {
		h := header{src: n.hosts[0].addrs[0], dst: n.hosts[1].addrs[0], ttl: ttl, kind: kindUDP}
		want := answerRefused + 13
		if ttl == 1 {
			want = answerTimeExceeded
		}
		if d := n.decide(0, &h, 0); d.action != reply || d.answer != want {
			t.Errorf("TTL %d: %+v, want answer %d", ttl, d, want)
		}
		h.kind = kindError
		if d := n.decide(0, &h, 0); d.action != drop {
			t.Errorf("an error with TTL %d: %+v", ttl, d)
		}
	}
}

func TestParseManners(t *testing.T) {
	for text, want := range map[string]string{
		`refuse = "!Y"`:                `refuse "!Y"`,
		`labels = [1048576]`:           "label 1048576",
		`labels = [1,2,3,4,5,6,7,8,9]`: "9 labels",
		`quote = 27`:                   "quote 27",
		`quote = 549`:                  "quote 549",
		`quote = 28, refuse = "!N"`:    "",
	} {
		_, err := ParseRoutes("x.toml", []byte("[[route]]\nfrom = \"a\"\nto = \"b\"\nhops = [{name = \"r\", delay = \"1ms\", "+text+"}]"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
