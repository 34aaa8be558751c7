package icmp

import (
	"context"
	"fmt"
	"sync"

	"matrix/probe"
)

// ByJob runs every job on the engine that its options name. The zero value is
// ready.
type ByJob struct {
	mu   sync.Mutex
	last probe.Pinger
	load load // when its job ended
}

// load is the load average of this host over the last minute, and the number
// of its CPUs that this program may use. The zero value is not known.
type load struct {
	average float64
	cpus    int
}

var (
	_ probe.Pinger   = (*ByJob)(nil)
	_ probe.Examined = (*ByJob)(nil)
)

// Ping runs a job; see probe.Pinger.
func (b *ByJob) Ping(ctx context.Context, job probe.Job, emit func(probe.Echo)) error {
	engine, err := New(job.Engine)
	if err != nil {
		return &probe.HostError{Op: "choose an engine", Err: err}
	}
	b.mu.Lock()
	b.last = engine
	b.mu.Unlock()
	err = engine.Ping(ctx, job, emit)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.load = loadNow()
	return err
}

// Health is that of the engine of the last job, and the load of its host.
func (b *ByJob) Health() probe.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		return probe.Health{}
	}
	health := probe.HealthOf(b.last)
	health.Load, health.CPUs = b.load.average, b.load.cpus
	return health
}

// Check refuses an engine that no system has.
func Check(name string) error {
	if name == "" || name == "kernel" || name == "probing" {
		return nil
	}
	return errNoEngine(name)
}

func errNoEngine(name string) error {
	return fmt.Errorf("unknown engine %q: want kernel or probing", name)
}

// New is the engine of a name: "kernel" or "probing"; "" is the best that this
// system has.
func New(name string) (probe.Pinger, error) {
	switch name {
	case "":
		return Default(), nil
	case "kernel":
		return newKernel()
	case "probing":
		return &Probing{}, nil
	}
	return nil, errNoEngine(name)
}

// Default is the best engine that this system has: Kernel on Linux, Probing
// elsewhere.
func Default() probe.Pinger {
	if k, err := newKernel(); err == nil {
		return k
	}
	return &Probing{}
}
