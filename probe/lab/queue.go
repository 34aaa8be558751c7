package lab

// held is a packet that waits for its time.
type held struct {
	due     int64 // on the engine's clock, nanoseconds
	order   uint64
	arrived int64  // on the engine's clock
	buf     []byte // pooled
	to      int32  // host it goes to
	from    int32  // host it comes from
	id, seq uint16 // of an echo
	echo    kind   // kindEchoRequest and kindEchoReply go into the ledger
	planned int64  // delay, nanoseconds
}

// queue is a binary heap on (due, order): of two packets due at once, the one
// that came first leaves first, so that equal delays never reorder. Written
// out because container/heap boxes each element, and the engine must not
// allocate.
type queue struct {
	items []held
	next  uint64
}

func (q *queue) len() int { return len(q.items) }

func (q *queue) first() *held { return &q.items[0] }

func (q *queue) before(i, j int) bool {
	a, b := &q.items[i], &q.items[j]
	return a.due < b.due || a.due == b.due && a.order < b.order
}

func (q *queue) push(h held) {
	h.order = q.next
	q.next++
	q.items = append(q.items, h)
	for i := len(q.items) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(i, parent) {
			return
		}
		q.items[i], q.items[parent] = q.items[parent], q.items[i]
		i = parent
	}
}

func (q *queue) pop() held {
	first := q.items[0]
	last := len(q.items) - 1
	q.items[0] = q.items[last]
	q.items[last] = held{}
	q.items = q.items[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && q.before(child+1, child) {
			child++
		}
		if !q.before(child, i) {
			return first
		}
		q.items[i], q.items[child] = q.items[child], q.items[i]
		i = child
	}
}

const (
	smallBuf = 256  // fits a ping and every answer of a router
	largeBuf = 2048 // fits the largest packet of a 1500-byte link
)

// pool keeps buffers for packets in two sizes. One thread owns it.
type pool struct{ small, large [][]byte }

// get is an empty buffer with room for n bytes.
func (p *pool) get(n int) []byte {
	switch {
	case n <= smallBuf:
		return take(&p.small, smallBuf)
	case n <= largeBuf:
		return take(&p.large, largeBuf)
	}
	return make([]byte, 0, n)
}

func take(free *[][]byte, size int) []byte {
	if len(*free) == 0 {
		const batch = 64
		block := make([]byte, batch*size)
		for i := range batch {
			*free = append(*free, block[i*size:i*size:(i+1)*size])
		}
	}
	last := len(*free) - 1
	buf := (*free)[last]
	*free = (*free)[:last]
	return buf
}

// put gives a buffer back.
func (p *pool) put(buf []byte) {
	switch cap(buf) {
	case smallBuf:
		p.small = append(p.small, buf[:0])
	case largeBuf:
		p.large = append(p.large, buf[:0])
	}
}
