package icmp

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// alarm is a timer of the kernel's that also rings when a context is done.
type alarm struct {
	fd   int
	file *os.File
	conn syscall.RawConn
	rung atomic.Bool
}

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	a := &alarm{fd: fd, file: os.NewFile(uintptr(fd), "timer")}
	if a.conn, err = a.file.SyscallConn(); err == nil {
		err = a.file.SetReadDeadline(time.Time{}) // is it one that Go's poller takes?
	}
	if err != nil {
		a.close()
		return nil, fmt.Errorf("timerfd: %w", err)
	}
	return a, nil
}

// set makes the alarm ring in ns, or not at all: 0. Like receive it does not
// tell the scheduler.
func (a *alarm) set(ns int64) {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(ns)}
	_, _, _ = unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(a.fd), 0, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
}

// nap sleeps for ns, or until the context is done. The goroutine is parked
// until Go's poller sees the timer: a thread that slept in a system call would,
// whenever it leaves it, wake the runtime's monitor thread, which looks around
// every 20 µs for a while; that costs more than the waking itself. Go's own
// timers would do as well, but are late by up to a millisecond.
func (a *alarm) nap(ns int64) {
	waited := false
	_ = a.conn.Read(func(uintptr) bool {
		if !waited {
			waited = true
			a.set(ns)
			return false
		}
		return true
	})
}

// watch rings when ctx is done; the function that it returns waits until it
// surely will not any more.
func (a *alarm) watch(ctx context.Context) func() {
	rang := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		a.rung.Store(true)
		_ = a.file.SetReadDeadline(time.Unix(1, 0))
		a.set(1)
		close(rang)
	})
	return func() {
		if !stop() {
			<-rang
		}
	}
}

func (a *alarm) close() { a.file.Close() }

// sleep waits for the next thing to do. Replies are no reason to wake: the
// kernel stamped them, so they can wait for a later tick. Only when that is
// far, or the kernel does not stamp, are they waited for.
func (r *run) sleep() {
	now := r.time.last
	until := r.wake(now)
	if until <= now {
		return
	}
	under := r.flights.head != r.flights.tail
	patient := r.health.Stamps != probe.UserStamps
	switch {
	case !under, patient && until-now <= int64(longTick):
		r.readable = false
		r.alarm.nap(until - now)
	case patient && r.readable: // one has just come: others may follow
		r.readable = false
		r.alarm.nap(r.tick)
	default:
		r.readable = true
		r.alarm.set(0)
		if r.alarm.rung.Load() {
			return
		}
		r.fds = append(r.fds[:0], unix.PollFd{Fd: int32(r.alarm.fd), Events: unix.POLLIN})
		for s := range r.every {
			r.readQueue(s) // or else its send stamps end the sleep at once
			r.fds = append(r.fds, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
		}
		doze(r.fds, until-now)
	}
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
			until = min(until, f.left()+int64(r.job.Timeout)+1)
		}
	}
	return until
}
