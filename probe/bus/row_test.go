package bus

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWhichRoundARowIsOf: it is decided by the coordinator's clock, however the
// agent's is set, and however long messages took.
func TestWhichRoundARowIsOf(t *testing.T) {
	due := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	const greeting, echoes, done = "matrix-probe 1 {}\n", "echo []\n", "done {}\n"
	type message struct {
		session, line int
		said, ahead   time.Duration // after due; of the coordinator's clock, as far as the message shows
		text          string
	}
	whole := func(session int, said, ahead time.Duration) []message {
		return []message{{session, 1, said, ahead, greeting}, {session, 2, said, ahead, echoes}, {session, 3, said, ahead, done}}
	}
	for name, test := range map[string]struct {
		messages []message
		read     string        // the lines that are read
		wrong    string        // why they are not
		began    time.Duration // after due
		ahead    time.Duration
	}{
		"in time":           {messages: whole(7, 0, -time.Millisecond), read: greeting + echoes + done, began: time.Millisecond, ahead: -time.Millisecond},
		"a second ahead":    {messages: whole(7, 0, time.Second), read: greeting + echoes + done, began: -time.Second, ahead: time.Second},
		"an hour ahead":     {messages: whole(7, 0, time.Hour), wrong: "its clock is 1h0m0s ahead of"},
		"an hour behind":    {messages: whole(7, 0, -time.Hour), wrong: "its clock is 1h0m0s behind"},
		"an hour late":      {messages: whole(7, time.Hour, 0), wrong: "it measured 1h0m0s off"},
		"an hour too early": {messages: whole(7, -time.Hour, 0), wrong: "it measured -1h0m0s off"},
		"slow on its way": {messages: []message{{7, 1, 0, -2 * time.Minute, greeting}, {7, 2, time.Second, -time.Second, echoes}, {7, 3, 0, -time.Hour, done}},
			read: greeting + echoes + done, began: time.Second, ahead: -time.Second},
		"right in the end": {messages: []message{{7, 1, 0, -2 * time.Minute, greeting}, {7, 2, 0, -2 * time.Minute, echoes}, {7, 3, 0, 0, done}},
			read: greeting + echoes + done},
		"twice, since its clock was set back": {messages: append(whole(7, 0, 0), whole(8, 0, -time.Second)...), read: greeting + echoes + done},
		"two in one":                          {messages: []message{{7, 1, 0, 0, greeting}, {8, 1, 0, 0, greeting}, {8, 2, 0, 0, done}, {7, 2, 0, 0, done}}, read: greeting + done},
		"ended in mid-job":                    {messages: []message{{7, 1, 0, 0, greeting}, {7, endOfAll, time.Minute, 0, done}}, read: greeting + done},
		"ended before":                        {messages: []message{{7, endOfAll, time.Minute, 0, done}}, wrong: "ended before it began"},
		"without a beginning":                 {messages: []message{{7, 2, 0, 0, echoes}, {7, 3, 0, 0, done}}, wrong: "its first messages are missing"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRow(due, time.Minute, nil)
			read := ""
			for _, m := range test.messages {
				ready, err := r.admit(place{"auto", m.session, m.line}, due.Add(m.said), m.ahead, []byte(m.text))
				if err != nil {
					t.Fatal(err)
				}
				for _, n := range ready {
					read += string(n.line)
					if word(n.line) == wordDone {
						r.end()
					}
				}
			}
			began, ahead := r.times()
			if read != test.read || began.Sub(due) != test.began || ahead != test.ahead {
				t.Errorf("read %q, began %v, ahead %v; want %+v", read, began.Sub(due), ahead, test)
			}
			if why := fmt.Sprint(r.lines.err); r.isOver() == false || (test.wrong == "") != (r.lines.err == nil) || !strings.Contains(why, test.wrong) && test.wrong != "" {
				t.Errorf("over %v, %s; want %q", r.isOver(), why, test.wrong)
			}
		})
	}
}

// TestManySessions cost a host no more than its row.
func TestManySessions(t *testing.T) {
	r := newRow(time.Now(), time.Minute, nil)
	var err error
	for i := range 2 * mostTellings {
		_, err = r.admit(place{"auto", i + 1, 2}, time.Now(), 0, make([]byte, 100))
	}
	if err == nil || len(r.sessions) != mostTellings {
		t.Errorf("%d sessions, %v", len(r.sessions), err)
	}
	for range 2 * mostUnread / 1000 {
		if _, err := r.admit(place{"auto", 1, 2}, time.Now(), 0, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if got := r.sessions[1].bytes; !r.isOver() || got > mostUnread+1000 {
		t.Errorf("%d bytes are kept, over: %v", got, r.isOver())
	}
}
