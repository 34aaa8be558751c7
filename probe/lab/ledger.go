package lab

import (
	"bufio"
	"fmt"
	"io"
	"sync"
	"time"
)

// Counters say how well the lab kept its promises.
type Counters struct {
	Received  uint64 // packets from hosts
	Delivered uint64 // packets handed to hosts, answers of routers among them
	Answered  uint64 // answers of virtual routers
	Lost      uint64 // dropped because a path or a city was to lose them
	NoRoute   uint64 // to an address or over a pair that the lab does not have
	Refused   uint64 // not taken by the receiving kernel
	RingDrops uint64 // lost because the engine could not keep up: not part of the plan
	Late      uint64 // delivered more than lateAfter after they were due
	Unlogged  uint64 // echo packets that did not fit into the ledger

	Echoes, LateEchoes uint64 // of those delivered: echo requests and replies, and the late ones
}

const (
	// lateAfter is from when a packet counts as late: a tenth of what a
	// published table shows.
	lateAfter = time.Millisecond
	// maxLedger bounds the ledger's memory (48 bytes a line).
	maxLedger = 1 << 22
	chunkSize = 1 << 12
)

// tooLate is the share of late echo packets from which a lab's figures are no longer
// those of its table.
const tooLate = 0.01

// complain says on w what was wrong with a lab that is over.
func (c Counters) complain(w io.Writer) {
	if share := float64(c.LateEchoes) / float64(max(c.Echoes, 1)); share > tooLate {
		fmt.Fprintf(w, "matrix lab: this machine was too busy: %.0f %% of the echo packets came over %v late, and what was measured is too slow\n", share*100, lateAfter)
	}
	if c.RingDrops > 0 {
		fmt.Fprintf(w, "matrix lab: this machine was too busy: %d packets were lost that should not have been\n", c.RingDrops)
	}
}

// entry is one echo packet that the engine delivered.
type entry struct {
	at             int64 // wall clock of the delivery, nanoseconds
	given, planned int64 // delay, nanoseconds
	from, to       int32
	id, seq        uint16
	reply          bool
}

// ledger remembers the delay that every echo packet was really given. It grows
// by chunks: growing one slice would copy megabytes while packets wait.
type ledger struct {
	mu     sync.Mutex
	chunks [][]entry
	count  int
	Counters
}

func (l *ledger) add(e entry) {
	if l.count == maxLedger {
		l.Unlogged++
		return
	}
	if l.count%chunkSize == 0 {
		l.chunks = append(l.chunks, make([]entry, 0, chunkSize))
	}
	last := len(l.chunks) - 1
	l.chunks[last] = append(l.chunks[last], e)
	l.count++
}

// snapshot is the ledger as it is now; entries are never changed once written.
func (l *ledger) snapshot() ([][]entry, Counters) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([][]entry(nil), l.chunks...), l.Counters
}

// writeCSV writes the counters as comment lines, then a line an echo packet.
func writeCSV(w io.Writer, chunks [][]entry, c Counters, hosts []host) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# received=%d delivered=%d answered=%d lost=%d no_route=%d refused=%d ring_drops=%d late=%d unlogged=%d\n",
		c.Received, c.Delivered, c.Answered, c.Lost, c.NoRoute, c.Refused, c.RingDrops, c.Late, c.Unlogged)
	fmt.Fprintln(out, "time,from,to,type,id,seq,planned_ms,given_ms")
	for _, chunk := range chunks {
		for _, e := range chunk {
			word := "request"
			if e.reply {
				word = "reply"
			}
			fmt.Fprintf(out, "%s,%s,%s,%s,%d,%d,%.6f,%.6f\n",
				time.Unix(0, e.at).UTC().Format(time.RFC3339Nano), hosts[e.from].name, hosts[e.to].name, word,
				e.id, e.seq, float64(e.planned)/1e6, float64(e.given)/1e6)
		}
	}
	return out.Flush()
}
