package icmp

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

// Kernel pings with the help of the Linux kernel, any number of targets on one
// socket. The zero value is ready.
type Kernel struct {
	// Tick is how long echo requests that are due may wait to be sent
	// together. 0: as the pace and the receive buffer allow, up to 200 ms.
	Tick time.Duration

	limits limits
	first  uint16                  // sequence number of the first echo request
	clock  clock                   // nil: the system's
	warp   func(stamp int64) int64 // changes the kernel's stamps, as a step of the wall clock would
	halt   func()                  // nil; tests make the engine's thread stall here, once a tick

	mu     sync.Mutex
	health probe.Health
}

var (
	_ probe.Pinger   = (*Kernel)(nil)
	_ probe.Examined = (*Kernel)(nil)
)

// Health is that of the job that ended last.
func (k *Kernel) Health() probe.Health {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.health
}

// Ping runs a job; see probe.Pinger.
func (k *Kernel) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	if err := job.Check(); err != nil {
		return err
	}
	if len(job.Targets) == 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	r, err := newRun(k, job, emit)
	if err != nil {
		return err
	}
	defer r.close()
	defer r.alarm.watch(ctx)()
	r.loop()
	r.tellOddities()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.health = r.health
	return ctx.Err()
}

// run is one job under way. One goroutine owns all of it.
type run struct {
	*Kernel
	job     probe.Job
	emit    func(probe.Echo)
	token   uint64
	time    *timeline
	table   *timetable
	flights *flights
	peers   []peer
	sockets [2][]*socket // by family: IPv4, IPv6
	in      *batch       // for replies
	queue   *batch       // for the error queue
	alarm   *alarm
	fds     []unix.PollFd // for the sleep
	reasons map[refusal]string

	begin    int64  // of the job, monotonic
	boot     int64  // CLOCK_MONOTONIC minus the monotonic time of all else here
	tick     int64  // ns
	crowd    int    // echo requests a tick
	room     int    // echo requests that may be sent before the sockets are read again
	unread   int    // that were sent since
	readAt   int64  // when the sockets were last read
	steps    int    // of the wall clock that were seen until then
	came     int    // packets that were read, ever
	crowded  bool   // twice as many were read last as should have come
	suspect  uint32 // flights below this may have been answered in vain
	budget   budget
	retryAt  int64 // when to send again what could not be sent; 0: there is nothing
	readable bool  // the last wait was for packets
	health   probe.Health
}

func newRun(k *Kernel, job probe.Job, emit func(probe.Echo)) (*run, error) {
	r := &run{
		Kernel: k, job: job, emit: emit, token: rand.Uint64(),
		table:   newTimetable(job),
		flights: newFlights(job.Count * len(job.Targets)),
		reasons: map[refusal]string{},
	}
	read := k.clock
	if read == nil {
		read = systemClock()
	}
	r.time = newTimeline(read)
	var err error
	if r.alarm, err = newAlarm(); err != nil {
		return nil, err
	}
	var families [2]bool
	for _, t := range job.Targets {
		r.peers = append(r.peers, newPeer(t.Addr))
		families[family(t.Addr.Unmap().Is6())] = true
	}
	r.in = newBatch(messages, 60+headerLen+job.Size+1, 192)
	r.queue = newBatch(messages, 128+headerLen+job.Size, 192)
	for f, wanted := range families {
		if wanted {
			if _, err := r.open(f == 1); err != nil {
				r.close()
				return nil, err
			}
		}
	}
	r.warm()
	r.setPace()
	r.begin = r.time.now()
	r.boot = bootTime() - r.begin
	r.readAt = r.begin
	return r, nil
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// open adds a socket to a family.
func (r *run) open(v6 bool) (*socket, error) {
	s, err := openSocket(v6, r.job.Options, r.limits, uint16(rand.Uint32()))
	if err != nil {
		return nil, err
	}
	s.keepWhole(r.job.Options)
	s.seq = r.first
	f := family(v6)
	if len(r.sockets[f]) > 0 {
		r.sockets[f][0].teach(s)
	}
	r.sockets[f] = append(r.sockets[f], s)
	return s, nil
}

func (r *run) close() {
	for s := range r.every {
		unix.Close(s.fd)
	}
	r.alarm.close()
}

// every goes over all sockets.
func (r *run) every(yield func(*socket) bool) {
	for _, family := range r.sockets {
		for _, s := range family {
			if !yield(s) {
				return
			}
		}
	}
}

// setPace chooses the length of a tick.
func (r *run) setPace() {
	perSecond := pace(r.job)
	r.room = 1 << 20
	for s := range r.every {
		r.room = min(r.room, s.room)
		r.health.Engine = "ping socket"
		if s.raw {
			r.health.Engine = "raw socket"
		}
		if r.health.Stamps == 0 || s.stamps < r.health.Stamps {
			r.health.Stamps = s.stamps
		}
	}
	tick := r.Tick
	if tick == 0 {
		tick = tickOf(perSecond, r.room)
	}
	r.tick, r.crowd = int64(tick), int(math.Ceil(perSecond*tick.Seconds()))
	r.budget = newBudget(max(perSecond, float64(r.job.Rate)), tick)
}

// loop is the whole job. What arrived is read before anything is given up: a
// program that was not run for a while must not take its own sleep for loss.
func (r *run) loop() {
	for !r.alarm.rung.Load() {
		if r.halt != nil {
			r.halt()
		}
		// Reading also wakes the caches: the first to be sent after a sleep would
		// else be stamped 10 µs late.
		if now := r.time.now(); r.worthReading(now) && r.read(now) {
			r.expire(now)
		}
		r.send()
		if r.table.left == 0 && r.flights.head == r.flights.tail {
			return
		}
		r.sleep()
	}
}

// tellOddities reports what the targets did besides.
func (r *run) tellOddities() {
	for i := range r.peers {
		if odd := r.peers[i].odd; odd != (probe.Oddities{}) {
			r.emit(probe.Echo{Target: i, Outcome: probe.Odd, Odd: odd})
		}
	}
	r.health.Steps = len(r.time.steps)
}
