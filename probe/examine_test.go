package probe

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestExamine: each host is seen as it is, whatever the others do.
func TestExamine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cities, _ := fleet(6)
		forbidden := &HostError{Op: "measure", Err: errors.New("may not ping"), Hint: "allow it"}
		hosts := fakeFleet{
			"c0": {},
			"c1": {open: func(context.Context, int) error { return errors.New("refused") }},
			"c2": {open: func(ctx context.Context, _ int) error { <-ctx.Done(); return context.Cause(ctx) }},
			"c3": {ping: func(context.Context, Job, func(Echo)) error { return forbidden }},
			"c4": {ping: func(context.Context, Job, func(Echo)) error { panic("it is broken") }},
			"c5": {ping: func(_ context.Context, _ Job, emit func(Echo)) error {
				emit(Echo{Target: 1, Outcome: Replied, RTT: time.Second})
				return nil
			}},
		}
		began := time.Now()
		found := (&Coordinator{Opener: hosts}).Examine(t.Context(), cities)
		if took, most := time.Since(began), (Limits{}).withDefaults().Open; took != most {
			t.Errorf("it took %v, want the %v of the host that hangs", took, most)
		}
		for i, want := range []string{"", "refused", "no session within 2m30s", "may not ping", "panic: it is broken", "did not say what became of its pings"} {
			e := found[i]
			err := errors.Join(e.Err, e.PingErr)
			if e.City != cities[i].Name || (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", e.City, err, want)
			}
		}
		if e := found[0]; e.Version != "v1" || e.Self != 10*time.Millisecond {
			t.Errorf("a host that is well: %+v", e)
		}
	})
}
