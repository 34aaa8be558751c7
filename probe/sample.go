package probe

import (
	"encoding"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"
)

// State is how a planned pair ended. The zero value is NotRun: nothing is ever
// taken for measured, or for lost, because nobody set it.
type State uint8

const (
	NotRun     State = iota // out of time, cancelled, or not in the data
	Measured                // at least one reply
	Lost                    // sent, and nothing came back
	SourceDown              // the from-host could not run it
	Unresolved              // the to-host's name has no address
	Excluded                // left out on purpose
)

var stateNames = [...]string{"not-run", "measured", "lost", "source-down", "unresolved", "excluded"}

// States lists every state, in the order in which summaries name them.
func States() []State {
	return []State{Measured, Lost, SourceDown, Unresolved, NotRun, Excluded}
}

func (s State) String() string {
	if int(s) >= len(stateNames) {
		return fmt.Sprintf("state %d", uint8(s))
	}
	return stateNames[s]
}

// MarshalText writes the state's word.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the state's word.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(stateNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown state %q: want one of %q", text, stateNames)
	}
	*s = State(i)
	return nil
}

// Stat is a statistic of the RTTs of one sample.
type Stat uint8

const (
	Min Stat = iota
	Median
	Avg
	Max
	Mdev   // population standard deviation, as ping prints it
	Jitter // mean difference of successive RTTs

	numStats = iota
)

var statNames = [numStats]string{"min", "median", "avg", "max", "mdev", "jitter"}

func (s Stat) String() string { return statNames[s] }

// MarshalText writes the statistic's word.
func (s Stat) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads the statistic's word.
func (s *Stat) UnmarshalText(text []byte) error {
	i := slices.Index(statNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown statistic %q: want one of %q", text, statNames)
	}
	*s = Stat(i)
	return nil
}

var (
	_ encoding.TextUnmarshaler = (*State)(nil)
	_ encoding.TextUnmarshaler = (*Stat)(nil)
)

// Summary holds those statistics of a sample that are known. A file may have
// only some of them; one that is not there is absent, never zero.
type Summary struct {
	value [numStats]time.Duration
	known [numStats]bool
}

// Set records one statistic.
func (s *Summary) Set(stat Stat, d time.Duration) { s.value[stat], s.known[stat] = d, true }

// Get is one statistic, and whether it is known.
func (s Summary) Get(stat Stat) (time.Duration, bool) { return s.value[stat], s.known[stat] }

// Imported is a summary of which most samples have none: it takes one word of
// each. Copies do not change with it.
type Imported struct{ summary *Summary }

// ImportedOf has those statistics.
func ImportedOf(s Summary) Imported {
	if s == (Summary{}) {
		return Imported{}
	}
	return Imported{&s}
}

// Set records one statistic.
func (i *Imported) Set(stat Stat, d time.Duration) {
	s := i.Summary()
	s.Set(stat, d)
	i.summary = &s
}

// Get is one statistic, and whether it is known.
func (i Imported) Get(stat Stat) (time.Duration, bool) { return i.Summary().Get(stat) }

// Summary has all of them.
func (i Imported) Summary() Summary {
	if i.summary == nil {
		return Summary{}
	}
	return *i.summary
}

// Summarize computes every statistic of RTTs given in the order in which they
// were sent; the order matters for jitter alone. One RTT has no jitter.
func Summarize(rtts []time.Duration) Summary {
	var s Summary
	n := len(rtts)
	if n == 0 {
		return s
	}
	var room [32]time.Duration // more than a round has, as a rule
	sorted := append(room[:0], rtts...)
	slices.Sort(sorted)
	s.Set(Min, sorted[0])
	s.Set(Max, sorted[n-1])
	s.Set(Median, sorted[n/2]-(sorted[n/2]-sorted[(n-1)/2])/2)
	var sum float64
	for _, r := range rtts {
		sum += float64(r)
	}
	mean := sum / float64(n)
	s.Set(Avg, time.Duration(math.Round(mean)))
	var squares float64
	for _, r := range rtts {
		squares += (float64(r) - mean) * (float64(r) - mean)
	}
	s.Set(Mdev, time.Duration(math.Round(math.Sqrt(squares/float64(n)))))
	if n > 1 {
		var moves time.Duration
		for i := 1; i < n; i++ {
			moves += (rtts[i] - rtts[i-1]).Abs()
		}
		s.Set(Jitter, moves/time.Duration(n-1))
	}
	return s
}

// Sample is what one round knows of one pair. A large round has a million: what is
// small is together.
type Sample struct {
	Pair
	State    State
	Cut      bool            // ended before its time: a reply is known sooner than a loss, so there is no fair loss
	Stamps   Stamps          // where the times were taken, the worst of its replies; 0: not known
	Reason   string          // why there is no figure, or fewer than planned; "" if there is nothing to say
	At       time.Time       // when its first echo request was due, by the coordinator's clock, UTC
	Address  netip.Addr      // the address that was pinged
	Sent     int             // echo requests whose fate is known: answered or timed out
	Received int             // replies within the timeout
	RTTs     []time.Duration // of the replies, in order of sending
	TTL      int             // of the last reply, as it arrived; 0: not known
	Odd      Oddities        // duplicates, reorderings, late replies
	Imported Imported        // statistics as a file gave them, where there are no RTTs
}

// Summary is the sample's statistics: of its RTTs, or else as imported.
func (s *Sample) Summary() Summary {
	if len(s.RTTs) > 0 {
		return Summarize(s.RTTs)
	}
	return s.Imported.Summary()
}

// Loss is lost / sent as a ratio from 0 to 1; false where nothing was sent, the
// counts are not known, or the sample was cut short.
func (s *Sample) Loss() (float64, bool) {
	if s.Sent == 0 || s.Cut {
		return 0, false
	}
	return float64(s.Sent-s.Received) / float64(s.Sent), true
}
