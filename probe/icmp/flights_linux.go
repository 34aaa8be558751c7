package icmp

// flight is one echo request on its way.
type flight struct {
	sent   int64  // when it was handed to the kernel, monotonic ns
	tx     int64  // when the kernel sent it, monotonic ns; 0: not said yet
	leave  int64  // when the kernel was asked to send it, monotonic ns; 0: at once
	target int32  //
	slot   int32  // which of the target's echo requests
	seq    uint16 // on the wire
	socket uint8  //
	fated  bool   // its fate is known
}

// left is when it was sent, or the latest that it can have been: not every
// kernel lets a packet wait for its time.
func (f *flight) left() int64 {
	if f.tx != 0 {
		return f.tx
	}
	return max(f.sent, f.leave)
}

// flights are all echo requests that are under way, first sent first. As the
// timeout is the same for all, they also end in that order. Numbers only grow;
// the oldest that is kept is head, the next to be sent is tail.
type flights struct {
	ring       []flight // a power of two
	head, tail uint32
	answered   []uint64 // a bit a flight of the job: to tell a late reply from a duplicate
}

func newFlights(echoes int) *flights {
	return &flights{ring: make([]flight, 1024), answered: make([]uint64, (echoes+63)/64)}
}

// at is a flight that is kept.
func (f *flights) at(number uint32) *flight { return &f.ring[int(number)&(len(f.ring)-1)] }

// under says whether a flight is kept.
func (f *flights) under(number uint32) bool { return number-f.head < f.tail-f.head }

// add makes a new flight.
func (f *flights) add() (uint32, *flight) {
	if int(f.tail-f.head) == len(f.ring) {
		f.grow()
	}
	number := f.tail
	f.tail++
	at := f.at(number)
	*at = flight{}
	return number, at
}

func (f *flights) grow() {
	old := f.ring
	f.ring = make([]flight, 2*len(old))
	for n := f.head; n != f.tail; n++ {
		*f.at(n) = old[int(n)&(len(old)-1)]
	}
}

// forget drops the oldest flights whose fates are known.
func (f *flights) forget() {
	for f.head != f.tail && f.at(f.head).fated {
		f.head++
	}
}

// answer notes that a flight was answered, and says whether it had been.
func (f *flights) answer(number uint32) (before bool) {
	word, bit := &f.answered[number/64], uint64(1)<<(number%64)
	before = *word&bit != 0
	*word |= bit
	return before
}
