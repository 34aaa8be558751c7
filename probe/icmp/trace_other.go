//go:build !linux

package icmp

import (
	"context"
	"errors"
	"runtime"

	"matrix/probe"
)

func traceDefault(context.Context, probe.TraceJob, func(probe.Trace)) error {
	return &probe.HostError{
		Op:   "trace",
		Err:  errors.New("traceroute needs Linux for now, and this host runs " + runtime.GOOS),
		Hint: "run the system's own traceroute or mtr there",
	}
}
