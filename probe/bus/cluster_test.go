package bus_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
	"matrix/probe/bus/server"
)

// clusterOf makes the configurations of a cluster's servers out of the fleet's,
// as docs/scale.md says, and returns their folders.
func (w *world) clusterOf(names ...string) []string {
	w.t.Helper()
	config, err := os.ReadFile(filepath.Join(w.folder, server.ConfigFile))
	if err != nil {
		w.t.Fatal(err)
	}
	var routes []string
	ports := make([]string, len(names))
	for i := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			w.t.Fatal(err)
		}
		_, ports[i], _ = net.SplitHostPort(l.Addr().String())
		l.Close()
		routes = append(routes, "nats://127.0.0.1:"+ports[i])
	}
	var folders []string
	for i, name := range names {
		folder := filepath.Join(w.t.TempDir(), name)
		text := strings.ReplaceAll(string(config), filepath.Join(w.folder, "jetstream"), filepath.Join(folder, "jetstream"))
		text += fmt.Sprintf("server_name: %s\ncluster { name: fleet, listen: \"127.0.0.1:%s\", routes: [%s] }\n", name, ports[i], strings.Join(routes, ", "))
		for file, text := range map[string]string{server.ConfigFile: text, "users.conf": read(w.t, filepath.Join(w.folder, "users.conf"))} {
			if err := os.MkdirAll(folder, 0o700); err != nil {
				w.t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
				w.t.Fatal(err)
			}
		}
		folders = append(folders, folder)
	}
	return folders
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// newCluster is a fleet of three cities with three servers; kill ends the first.
func newCluster(t *testing.T) (w *world, kill func()) {
	t.Helper()
	w = emptyWorld(t, "a", "b", "c")
	var kills []func()
	var addresses []string
	fleet := w.folder
	for _, folder := range w.clusterOf("one", "two", "three") {
		w.folder = folder
		kills = append(kills, w.process("127.0.0.1:0"))
		addresses = append(addresses, w.address)
	}
	w.folder, w.address = fleet, strings.Join(addresses, ",tls://")
	return w, kills[0]
}

// TestAClusterLosesAServer, the one that agents and coordinator are connected
// to, in the middle of a round.
func TestAClusterLosesAServer(t *testing.T) {
	w, kill := newCluster(t)
	begun := make(chan bool, 3)
	for _, c := range w.cities {
		w.agent(c.Name, "", func() probe.Pinger { return generator{begun} })
	}
	b := w.connectWhenReady()
	ticket := w.ticket(50)
	go func() {
		for range w.cities {
			<-begun
		}
		kill()
	}()
	round := w.measure(b, ticket)
	if len(round.owing) > 0 { // a slow machine: the rest came too late for this one
		t.Logf("%v came late", round.owing)
		round = w.replay(b, ticket)
	}
	round.whole(t)
}

// TestAClusterHoldsAPlan: agents have it from any server, and a round of it is whole
// though a server is lost in its middle.
func TestAClusterHoldsAPlan(t *testing.T) {
	w, kill := newCluster(t)
	begun := make(chan bool, 10)
	for _, c := range w.cities {
		w.agentLike(c.Name, "", bus.Agent{Serve: serving(func() probe.Pinger { return generator{begun} })})
	}
	b := w.connectWhenReady()
	now := w.publish(b, w.fleetPlan(20*time.Second, 50))
	for city, s := range w.held(b, now.Revision) {
		if s.Wrong != "" || s.Plans[0] != now.Digest() {
			t.Errorf("%s says %+v", city, s)
		}
	}
	ticket := w.due(b)
	held, err := b.Begin(t.Context(), ticket)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range w.cities {
			<-begun
		}
		kill()
	}()
	round := w.gather(held, ticket.Start.Add(time.Minute))
	if len(round.owing) > 0 { // a slow machine, as above
		t.Logf("%v came late", round.owing)
		if held, err = b.Take(t.Context(), ticket.Run); err != nil {
			t.Fatal(err)
		}
		round = w.gather(held, time.Now().Add(time.Minute))
	}
	round.whole(t)
}
