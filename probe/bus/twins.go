package bus

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"matrix/probe"
)

// Twins finds cities of which two agents run with one key, such as on a machine and on
// the copy that was made of it: what is measured from such a city is from one or the
// other. Each agent has a name of its own while it runs, so that of one that was
// started again does not come back, and that of a twin does.
type Twins struct {
	mu   sync.Mutex
	seen map[string]signers
}

// signers are the agents of a city that gave the last signs.
type signers struct {
	last, other Sign
	met         time.Time // when the other one's name came back
}

// Notice is told the last signs of life, again and again.
func (t *Twins) Notice(signs map[string]Sign) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen == nil {
		t.seen = map[string]signers{}
	}
	for city, sign := range signs {
		was := t.seen[city]
		switch sign.Instance {
		case "": // of an agent that does not say it
			continue
		case was.last.Instance:
			was.last = sign
		case was.other.Instance:
			was = signers{sign, was.last, sign.At}
		default:
			was = signers{last: sign, other: was.last, met: was.met}
		}
		t.seen[city] = was
	}
}

// Warnings are about the cities that have two agents now.
func (t *Twins) Warnings() []probe.Warning {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []probe.Warning
	for _, city := range slices.Sorted(maps.Keys(t.seen)) {
		s := t.seen[city]
		if s.met.IsZero() || time.Since(s.met) > quietAfter {
			continue
		}
		hosts := []string{s.last.Host, s.other.Host}
		slices.Sort(hosts)
		all = append(all, probe.Warning{Subject: city, Text: fmt.Sprintf(
			"two agents run with its key, on %s and on %s, and it is chance whose pings are used; end one of them", hosts[0], hosts[1])})
	}
	return all
}
