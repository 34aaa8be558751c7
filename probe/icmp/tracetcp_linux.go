package icmp

import (
	"context"
	"errors"

	"matrix/probe"
)

func traceTCP(ctx context.Context, job probe.TraceJob, emit func(probe.Trace)) error {
	return errors.New("to come")
}
