package icmp

import (
	"testing"

	"matrix/probe"
)

// TestRightsAreThoseOfAJob holds what a person is told against what happens.
func TestRightsAreThoseOfAJob(t *testing.T) {
	r := Allowed(false)
	err := (&Kernel{}).Ping(t.Context(), loopbackJob(1, 1), func(probe.Echo) {})
	if may := r.Ping == nil || r.Raw == nil; may != (err == nil) {
		t.Errorf("ping sockets: %v, raw sockets: %v; and a job ended with %v", r.Ping, r.Raw, err)
	}
	if (r.Stamps != 0) != (err == nil) {
		t.Errorf("time stamps %v, and a job ended with %v", r.Stamps, err)
	}
}
