package icmp

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// alarm ends the engine's sleep when its context is done.
type alarm struct {
	fd   int
	rung atomic.Bool
}

func newAlarm() (*alarm, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &alarm{fd: fd}, nil
}

// watch rings when ctx is done; the function that it returns waits until it
// surely will not any more.
func (a *alarm) watch(ctx context.Context) func() {
	rang := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		a.rung.Store(true)
		_, _ = unix.Write(a.fd, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		close(rang)
	})
	return func() {
		if !stop() {
			<-rang
		}
	}
}

func (a *alarm) close() { unix.Close(a.fd) }

// sleep waits for the next thing to do. Replies are no reason to wake: the
// kernel stamped them, so they can wait for the next tick. Only when that is
// far, or the kernel does not stamp, are they waited for.
func (r *run) sleep() {
	now := r.time.last
	until := r.wake(now)
	if until <= now {
		return
	}
	r.fds = append(r.fds[:0], unix.PollFd{Fd: int32(r.alarm.fd), Events: unix.POLLIN})
	under := r.flights.head != r.flights.tail
	patient := r.health.Stamps != probe.UserStamps
	switch {
	case !under, patient && until-now <= int64(longTick):
		r.readable = false
	case patient && r.readable: // one has just come: others may follow
		r.readable = false
		until = now + r.tick
	default:
		r.readable = true
		for s := range r.every {
			r.readQueue(s) // or else its send stamps end the sleep at once
			r.fds = append(r.fds, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
		}
	}
	doze(r.fds, until-now)
}

// doze sleeps until something is readable or ns have passed. Go's own timers
// may be a millisecond late, and its poller cannot wait for several.
func doze(fds []unix.PollFd, ns int64) {
	limit := unix.NsecToTimespec(ns)
	_, _, _ = unix.Syscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(unsafe.SliceData(fds))), uintptr(len(fds)),
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0)
}

// wake is when there is something to do for certain.
func (r *run) wake(now int64) int64 {
	until := now + int64(time.Hour)
	if r.table.left > 0 {
		until = r.tickOf(r.begin + int64(r.table.next()))
		if until <= now && r.budget.have < 1 {
			until = now + r.tick // due, but beyond the rate
		}
	}
	if r.retryAt != 0 {
		until = r.retryAt
	}
	if r.flights.head != r.flights.tail {
		if f := r.flights.at(r.flights.head); f.sent != 0 {
			until = min(until, f.sent+int64(r.job.Timeout)+1)
		}
	}
	return until
}
