package bus

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"matrix/probe"
)

// lines are what an agent said and nobody has read yet.
type lines struct {
	mu      sync.Mutex
	changed sync.Cond
	rest    []byte   // of the line that is being read
	waiting [][]byte //
	bytes   int
	last    int // number of the last line that was kept
	err     error
	room    *room // that all agents' lines share; nil: each has its own
}

const (
	// mostUnread is how much one agent may say before it is read: more than a
	// round of a thousand cities.
	mostUnread = 1 << 20
	// unreadLimit is how long others wait for one whose lines are not read.
	unreadLimit = 5 * time.Second
)

func newLines() *lines {
	l := &lines{}
	l.changed.L = &l.mu
	return l
}

// put takes a line in; open says whether somebody still wanted one. One that has
// a number comes once, and in its turn.
func (l *lines) put(number int, line []byte) (open bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.err != nil:
		return false
	case number != 0 && number <= l.last:
		return true
	case number > l.last+1 && number != endOfAll:
		l.end(&probe.HostError{Op: "measure", Err: errors.New(
			strconv.Itoa(number-l.last-1) + " of its messages are missing: its outbox was full, or they were removed from the stream")})
		return true
	case number != 0:
		l.last = number
	}
	if l.bytes+len(line) > mostUnread && !l.drained() {
		l.end(&probe.HostError{Op: "measure", Err: errors.New("it says far more than it was asked")})
		return false
	}
	l.waiting = append(l.waiting, line)
	l.bytes += len(line)
	l.room.take(len(line))
	l.changed.Broadcast()
	return true
}

// drained waits until half of what is there was read.
func (l *lines) drained() bool {
	late := false
	timer := time.AfterFunc(unreadLimit, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		late = true
		l.changed.Broadcast()
	})
	defer timer.Stop()
	for l.bytes > mostUnread/2 && !late && l.err == nil {
		l.changed.Wait()
	}
	return !late && l.err == nil
}

func (l *lines) end(err error) {
	if l.err == nil {
		l.err = err
	}
	l.changed.Broadcast()
}

func (l *lines) close(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(err)
}

// Read gives the lines in their order, and the error after the last.
func (l *lines) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.rest) == 0 && len(l.waiting) == 0 && l.err == nil {
		l.changed.Wait()
	}
	if len(l.rest) == 0 && len(l.waiting) > 0 {
		l.rest = l.waiting[0]
		l.waiting[0] = nil // else it lives as long as the others
		l.waiting = l.waiting[1:]
	}
	if len(l.rest) == 0 {
		return 0, l.err
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	l.bytes -= n
	l.room.take(-n)
	l.changed.Broadcast()
	return n, nil
}

// drop ends it for want of a reader.
func (l *lines) drop(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end(err)
	l.room.take(-l.bytes)
	l.rest, l.waiting, l.bytes = nil, nil, 0
}

// room bounds what all agents together have said and nobody has read. A stream
// keeps the rest as well as memory does.
type room struct {
	most int // bytes

	mu      sync.Mutex
	changed sync.Cond
	used    int
	over    bool // nobody needs any more
}

func newRoom(most int) *room {
	r := &room{most: most}
	r.changed.L = &r.mu
	return r
}

// take says that there are so many bytes more, or less.
func (r *room) take(bytes int) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used += bytes
	r.changed.Broadcast()
}

// wait waits until there is room.
func (r *room) wait() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.used > r.most && !r.over {
		r.changed.Wait()
	}
}

func (r *room) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
	r.changed.Broadcast()
}
