package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// notifier tells systemd how the service is (sd_notify(3)), where systemd wants
// to know.
type notifier struct {
	conn     net.Conn      // nil: nobody wants to know
	watchdog time.Duration // systemd expects news so often; 0: never
	began    time.Time
	alive    atomic.Int64 // since began: until then no news of the loop is good news
}

func newNotifier() (*notifier, error) {
	n := &notifier{began: time.Now()}
	n.beat(10 * time.Minute)
	socket := os.Getenv("NOTIFY_SOCKET")
	if socket == "" {
		return n, nil
	}
	conn, err := net.Dial("unixgram", socket) // @ stands for an abstract one, here as there
	if err != nil {
		return nil, fmt.Errorf("NOTIFY_SOCKET: %w", err)
	}
	n.conn = conn
	us, err := strconv.ParseUint(os.Getenv("WATCHDOG_USEC"), 10, 62)
	pid := os.Getenv("WATCHDOG_PID")
	if err == nil && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		n.watchdog = time.Duration(us) * time.Microsecond
	}
	// What the service starts must not speak for it.
	return n, errors.Join(os.Unsetenv("NOTIFY_SOCKET"), os.Unsetenv("WATCHDOG_USEC"), os.Unsetenv("WATCHDOG_PID"))
}

// send tells; that systemd has gone is no reason to stop.
func (n *notifier) send(text string) {
	if n.conn != nil {
		_, _ = n.conn.Write([]byte(text))
	}
}

func (n *notifier) ready()     { n.send("READY=1") }
func (n *notifier) reloading() { n.send("RELOADING=1") }
func (n *notifier) stopping()  { n.send("STOPPING=1") }

// beat says that the loop is well, and is heard of again within a time.
func (n *notifier) beat(within time.Duration) {
	n.alive.Store(int64(time.Since(n.began) + within))
}

// run keeps the watchdog quiet as long as the loop is well.
func (n *notifier) run(ctx context.Context) {
	if n.watchdog <= 0 {
		return
	}
	tick := time.NewTicker(n.watchdog / 3)
	defer tick.Stop()
	for {
		if int64(time.Since(n.began)) < n.alive.Load() {
			n.send("WATCHDOG=1")
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
