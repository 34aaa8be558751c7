package lab

// ForbiddenError says that this machine does not allow a lab, and what would.
type ForbiddenError struct {
	Err  error
	Hint string
}

func (e *ForbiddenError) Error() string { return e.Err.Error() }

func (e *ForbiddenError) Unwrap() error { return e.Err }
