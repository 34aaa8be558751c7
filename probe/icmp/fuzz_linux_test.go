package icmp

import "testing"

func FuzzReply(f *testing.F) {
	good := blank(false, 56)
	good[0] = echoReply4
	f.Add(good, false, 56)
	f.Add(append(make([]byte, 20), good...), true, 56)
	f.Fuzz(func(t *testing.T, packet []byte, v6 bool, size int) {
		size = max(24, size%65_000)
		inner, ok := withoutIP(packet)
		if ok && len(inner) > len(packet)-20 {
			t.Error("cutting off the IP header made it longer")
		}
		parseReply(inner, v6, size)
		if m, ok := parseReply(packet, v6, size); ok {
			again := make([]byte, markLen)
			m.put(again)
			if string(again) != string(packet[headerLen:headerLen+markLen]) {
				t.Errorf("the mark %+v is not what was sent", m)
			}
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add(blank(false, 56), false)
	f.Add(blank(true, 56), true)
	f.Add(append(append([]byte{0x60}, make([]byte, 39)...), blank(true, 56)...), true)
	f.Fuzz(func(t *testing.T, packet []byte, v6 bool) {
		q, ok := parseQuote(packet, v6)
		if q.marked && (!ok || len(packet) < headerLen+markLen) {
			t.Errorf("a mark %+v out of %d bytes", q.mark, len(packet))
		}
	})
}

func FuzzLooped(f *testing.F) {
	f.Add(append(make([]byte, 34), blank(false, 56)...), false, 56)
	f.Add([]byte{8}, false, 24)
	f.Fuzz(func(t *testing.T, packet []byte, v6 bool, size int) {
		parseLooped(packet, v6, max(24, size%65_000))
	})
}

func FuzzNotes(f *testing.F) {
	f.Add(appendKey(nil, 7))
	f.Add(appendLeave(appendKey(nil, 7), 9))
	f.Fuzz(func(t *testing.T, control []byte) {
		if n := parseNotes(control); n.ttl < 0 || n.ttl > 255 {
			t.Errorf("TTL %d", n.ttl)
		}
		addressOf(control)
	})
}

func FuzzRefusal(f *testing.F) {
	f.Add(false, uint8(3), uint8(1), uint32(0))
	f.Fuzz(func(t *testing.T, v6 bool, kind, code uint8, mtu uint32) {
		if (refusal{v6: v6, kind: kind, code: code, mtu: mtu}).String() == "" {
			t.Error("an ICMP error without words")
		}
	})
}
