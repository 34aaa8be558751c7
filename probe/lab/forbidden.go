package lab

import "errors"

// ErrForbidden says that this machine does not allow a lab. The error that
// wraps it is a *probe.HostError whose hint says what to allow.
var ErrForbidden = errors.New("making namespaces is not allowed here")
