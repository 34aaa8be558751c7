package bus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"matrix/probe"
)

func TestPacked(t *testing.T) {
	line := []byte(strings.Repeat(`job {"targets":[{"city":"paris"}]}`, 1000))
	m := nats.NewMsg("matrix.to.paris")
	m.Data = line
	if err := packLine(m); err != nil {
		t.Fatal(err)
	}
	if len(m.Data) > len(line)/10 {
		t.Errorf("%d bytes of %d", len(m.Data), len(line))
	}
	if got, err := unpackLine(m); err != nil || !bytes.Equal(got, line) {
		t.Errorf("%d bytes, %v; want %d", len(got), err, len(line))
	}
	m = nats.NewMsg("matrix.to.paris")
	m.Data = line
	if got, err := unpackLine(m); err != nil || !bytes.Equal(got, line) {
		t.Errorf("as it is: %d bytes, %v", len(got), err)
	}
}

// TestPackedGarbage: what cannot be unpacked, would be too much, or is packed in
// another way is refused.
func TestPackedGarbage(t *testing.T) {
	bomb := nats.NewMsg("matrix.to.paris")
	bomb.Data = make([]byte, 64<<20)
	if err := packLine(bomb); err != nil {
		t.Fatal(err)
	}
	broken := nats.NewMsg("matrix.to.paris")
	broken.Data = bytes.Repeat([]byte("line"), 1000)
	if err := packLine(broken); err != nil {
		t.Fatal(err)
	}
	broken.Data = broken.Data[:len(broken.Data)-3]
	garbage := nats.NewMsg("matrix.to.paris")
	garbage.Data = []byte("garbage")
	garbage.Header.Set(headerPacked, packing)
	strange := nats.NewMsg("matrix.to.paris")
	strange.Header.Set(headerPacked, "\x1b[2Jrar")
	for name, m := range map[string]*nats.Msg{"a bomb": bomb, "broken": broken, "garbage": garbage, "strange": strange} {
		allocated := testing.AllocsPerRun(1, func() {
			if line, err := unpackLine(m); err == nil || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%s: %d bytes, %v", name, len(line), err)
			}
		})
		t.Logf("%s of %d bytes: refused with %.0f allocations", name, len(m.Data), allocated)
	}
}

// BenchmarkPackJob packs the job of a host that pings 999 others.
func BenchmarkPackJob(b *testing.B) {
	ticket := Ticket{Addresses: probe.Addresses{}, Options: probe.DefaultOptions()}
	for i := range 1000 {
		name := fmt.Sprintf("city%d", i)
		ticket.Cities = append(ticket.Cities, probe.City{Name: name})
		ticket.Addresses[name] = probe.Resolved{Addr: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})}
	}
	plan, err := ticket.Plan()
	if err != nil {
		b.Fatal(err)
	}
	job, err := json.Marshal(plan.Jobs[0])
	if err != nil {
		b.Fatal(err)
	}
	m := nats.NewMsg("matrix.to.city0")
	for b.Loop() {
		m.Data = job
		if err := packLine(m); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(job)), "bytes")
	b.ReportMetric(float64(len(m.Data)), "packed-bytes")
}
