package versity

import (
	"net"
	"sync"
	"testing"
	"time"
)

// proxy stands between a client and the server, and does to its connections what
// networks do.
type proxy struct {
	address, server string

	mu    sync.Mutex
	rules rules
	conns map[net.Conn]bool
}

// rules are what happens to connections. Those that are open follow new ones at
// once.
type rules struct {
	cuts    int           // so many connections are cut
	up      int64         // after so many bytes to the server
	down    int64         // or from it; 0 never
	deaf    bool          // nothing comes from the server
	pause   time.Duration // before each piece of 8 kB
	crossed func()        // instead of the cut
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{address: l.Addr().String(), server: server, conns: make(map[net.Conn]bool)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { p.join(client) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.set(rules{})
		wg.Wait()
	})
	return p
}

// set makes other rules, and closes what is open under the old ones.
func (p *proxy) set(r rules) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = r
	for conn := range p.conns {
		conn.Close()
	}
}

// join copies between a client and the server until either ends.
func (p *proxy) join(client net.Conn) {
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		client.Close()
		return
	}
	both := func(do func(net.Conn)) { do(client); do(server) }
	p.mu.Lock()
	both(func(c net.Conn) { p.conns[c] = true })
	p.mu.Unlock()
	end := func() { both(func(c net.Conn) { c.Close() }) }
	var wg sync.WaitGroup
	wg.Go(func() { defer end(); p.copy(server, client, true) })
	wg.Go(func() { defer end(); p.copy(client, server, false) })
	wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	both(func(c net.Conn) { delete(p.conns, c) })
}

func (p *proxy) copy(to, from net.Conn, up bool) {
	total := int64(0)
	piece := make([]byte, 8<<10)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			total += int64(n)
			deaf, pause, cut := p.fate(total, up)
			time.Sleep(pause) // the slow network that is being tested
			if cut {
				return
			}
			if !deaf {
				if _, err := to.Write(piece[:n]); err != nil {
					return
				}
			}
		}
		if err != nil {
			return
		}
	}
}

// fate is what becomes of a piece of a connection on which there were so many
// bytes.
func (p *proxy) fate(total int64, up bool) (deaf bool, pause time.Duration, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	limit := p.rules.down
	if up {
		limit = p.rules.up
	}
	if cut = limit > 0 && total > limit && p.rules.cuts > 0; cut {
		p.rules.cuts--
		if p.rules.crossed != nil {
			go p.rules.crossed()
			return false, 0, false
		}
	}
	return p.rules.deaf && !up, p.rules.pause, cut
}
