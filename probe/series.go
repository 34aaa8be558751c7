package probe

import (
	"net/netip"
	"time"
)

// Unknown stands in a column of a Series for a figure that is not there.
const Unknown = -1

// Series is one ordered pair over many rounds, in the order of time: what a
// history hands out. It is column by column, because a month of a fleet is tens
// of millions of samples; all columns that are filled have the same length, and
// element i of each is of one sample.
type Series struct {
	Pair
	Round    []int32           // which round: an index into the rounds of the span, ascending
	State    []State           //
	Sent     []int32           // echo requests whose fate is known; Unknown where a file does not say, or the sample was cut short
	Received []int32           // replies; Unknown as Sent
	Stats    [numStats][]int32 // µs, by Stat; Unknown where there is none
	Address  []int32           // that was pinged: an index into Addresses; Unknown where none was
	RTTs     [][]int32         // µs, every reply; only where a single pair was asked for, else nil

	Addresses []netip.Addr // that occur, in the order of their first use
}

// Len is how many samples the series has.
func (s *Series) Len() int { return len(s.Round) }

// Stat is one statistic of sample i; false if there is none.
func (s *Series) Stat(stat Stat, i int) (time.Duration, bool) {
	us := s.Stats[stat][i]
	return time.Duration(us) * time.Microsecond, us != Unknown
}
