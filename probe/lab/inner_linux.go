package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// Descriptors that the inner process inherits.
const (
	controlFD = 3 // its end of the socket to the outer process
	lockFD    = 4 // the locked folder; only held
)

// TakeOver must be called first by the main function, and the TestMain, of
// every program that starts labs. In the lab's inner process, which is the
// same program run again, it is the lab, and returns the exit status when that
// is over; in every other process it returns at once.
func TakeOver() (status int, taken bool) {
	if len(os.Args) == 0 || os.Args[0] != innerName {
		return 0, false
	}
	if err := runInner(); err != nil {
		fmt.Fprintln(os.Stderr, "matrix lab:", err)
		return 1, true
	}
	return 0, true
}

// runInner is the first process of the lab's PID namespace: when it ends, the
// kernel ends all others, and with the last of them go the network namespaces.
// It ends when its socket to the outer process does, however that died. (A
// parent-death signal would be as sure, but would leave the lab's folder.)
func runInner() error {
	// Ctrl-C on the terminal is for the command. Caught rather than ignored,
	// because what is ignored here would stay ignored in the commands.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGQUIT, unix.SIGHUP, unix.SIGTERM)
	unix.CloseOnExec(controlFD)
	unix.CloseOnExec(lockFD)
	control := os.NewFile(controlFD, "control")
	decoder := json.NewDecoder(control)
	var o order
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	gone := make(chan error, 2)
	go func() {
		_, _ = io.Copy(io.Discard, control)
		gone <- nil
	}()
	spawner := newSpawner()
	go func() { gone <- serve(&o, spawner, control) }()
	err := <-gone
	spawner.killAll()
	unmountBelow(o.Folder)
	return errors.Join(err, os.RemoveAll(o.Folder))
}

// serve sets the lab up, says so, and keeps it running.
func serve(o *order, s *spawner, control io.Writer) error {
	failed := make(chan error, 3)
	err := setUp(o, s, failed)
	answer := state{Denied: errors.Is(err, fs.ErrPermission)}
	if err != nil {
		answer.Error = err.Error()
	}
	if text, err := json.Marshal(answer); err == nil {
		_, _ = control.Write(text) // if nobody listens, the lab ends anyway
	}
	if err != nil {
		return nil // told; the outer process hangs up
	}
	return <-failed
}

// setUp builds the lab in the order in which packets will meet its parts.
func setUp(o *order, s *spawner, failed chan<- error) error {
	// The engine's thread must find a free processor whenever it wakes up.
	runtime.GOMAXPROCS(max(4, runtime.NumCPU()))
	n, err := newNetwork(o.config())
	if err != nil {
		return err
	}
	if err := privateMounts(); err != nil {
		return err
	}
	if err := makeFolders(o.Folder, n); err != nil {
		return err
	}
	if err := nameSystem(o.Folder); err != nil {
		return err
	}
	spaces, engine, err := wire(n, failed)
	if err != nil {
		return err
	}
	if err := serveDNS(n, spaces[n.operator()], failed); err != nil {
		return err
	}
	d := &door{
		net: n, engine: engine, spaces: spaces, spawner: s,
		folder: o.Folder, homes: filepath.Join(o.Folder, "cities"),
	}
	if err := prepareCities(o, d); err != nil {
		return err
	}
	listener, err := net.ListenUnix("unixpacket", &net.UnixAddr{Name: filepath.Join(o.Folder, "door"), Net: "unixpacket"})
	if err != nil {
		return fmt.Errorf("open the door: %w", err)
	}
	go func() { failed <- d.serve(listener) }()
	return nil
}

func makeFolders(folder string, n *network) error {
	folders := []string{"etc", "bin", "run"}
	for i := range n.operator() {
		folders = append(folders, filepath.Join("cities", n.hosts[i].name, "home"))
	}
	for _, f := range folders {
		if err := os.MkdirAll(filepath.Join(folder, f), 0o700); err != nil {
			return fmt.Errorf("make the lab's folders: %w", err)
		}
	}
	return nil
}

// wire makes the hosts and starts the engine between them.
func wire(n *network, failed chan<- error) ([]namespace, *engine, error) {
	type wired struct {
		spaces []namespace
		engine *engine
		err    error
	}
	done := make(chan wired, 1)
	go func() {
		runtime.LockOSThread() // goes from namespace to namespace; then it is the engine's
		var w wired
		var ports []port
		if w.spaces, ports, w.err = buildHosts(n); w.err == nil {
			w.engine, w.err = newEngine(n, ports)
		}
		done <- w
		if w.err == nil {
			failed <- w.engine.run()
		}
	}()
	w := <-done
	return w.spaces, w.engine, w.err
}

// serveDNS answers queries at the operator's second address.
func serveDNS(n *network, operator namespace, failed chan<- error) error {
	var conn *net.UDPConn
	err := operator.inside(func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: dnsAddr.AsSlice(), Port: 53})
		return err
	})
	if err != nil {
		return fmt.Errorf("serve DNS: %w", err)
	}
	go func() {
		buf := make([]byte, 1500)
		for {
			length, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				failed <- fmt.Errorf("serve DNS: %w", err)
				return
			}
			if answer, err := n.answerDNS(buf[:length]); err == nil {
				_, _ = conn.WriteToUDPAddrPort(answer, from) // DNS over UDP is asked again
			}
		}
	}()
	return nil
}
