package report

import "fmt"

// Severity is how soon somebody should look at a verdict.
type Severity uint8

const (
	NoConcern Severity = iota // nothing is wrong
	Notable                   // good to know
	Worrying                  // somebody should look, in working hours
	Urgent                    // somebody should look now
)

var severityNames = [...]string{"none", "notice", "warning", "critical"}

func (s Severity) String() string { return severityNames[s] }

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the severity's word.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severityNames {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("unknown severity %q: want one of %q", text, severityNames)
}

// Severity is the verdict's. What packets suffer from now is urgent; what is
// slower than it need be, or wrong in the inventory, can wait for the morning.
func (v Verdict) Severity() Severity {
	switch v {
	case Unreachable, Extreme, Severe:
		return Urgent
	case Detour, Degraded, Lossy, LossyHours, SlowUnproven, TooFast, SuspectPlace, Misplaced, InvalidSource:
		return Worrying
	case Congested, Asymmetric, Recovered, PoorlyJoined:
		return Notable
	}
	return NoConcern
}
