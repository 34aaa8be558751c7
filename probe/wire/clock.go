package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"matrix/probe"
)

// clock is a question for the far side's clock, and its answer.
type clock struct {
	Number int       `json:"n"` // of the question
	At     time.Time `json:"at,omitzero"`
}

// clockQuestions is how often a job's far side is asked for its clock, one
// question after the other: enough that one answer meets no queue.
const clockQuestions = 8

// comparison compares the far side's clock with this one, as NTP does (RFC
// 5905): it was read between question and answer, so taking the middle errs by
// half of the round trip at most, however different the two ways are.
type comparison struct {
	left  int       // questions that may still be asked
	first int       // number of the job's first question
	open  int       // number of the question that is open; 0: none is
	asked time.Time // when
	best  time.Duration
	ahead time.Duration // by the exchange that took best
	known bool
}

// readClock reads the clock as soon as it is asked for. The answer is sent by
// who sends everything else.
func (s *server) readClock(body string) error {
	var asked clock
	if err := json.Unmarshal([]byte(body), &asked); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	select {
	case s.answers <- clock{asked.Number, s.clock().UTC()}:
		return nil
	default:
		return errors.New("clock: more questions than answers")
	}
}

// tellClocks sends the answers that wait.
func (s *server) tellClocks() error {
	for {
		select {
		case a := <-s.answers:
			if err := s.out.line("clock", a); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

var errUnasked = errors.New("it told its clock unasked")

// take handles what the far side says of its clock, at the time now.
func (c *comparison) take(body string, now time.Time) error {
	var told clock
	if err := json.Unmarshal([]byte(body), &told); err != nil {
		return fmt.Errorf("clock: %w", err)
	}
	switch {
	case told.Number > 0 && told.Number < c.first:
		return nil // was under way when its job ended
	case told.Number != c.open || c.open == 0:
		return errUnasked
	}
	trip := now.Sub(c.asked) // by the monotonic clock
	if !c.known || trip < c.best {
		middle := c.asked.Add(trip / 2).Round(0) // by the wall clock, as it has no other
		c.best, c.ahead, c.known = trip, told.At.Sub(middle), true
	}
	c.open = 0
	return nil
}

// into writes the result down.
func (c *comparison) into(h *probe.Health) {
	h.Offset, h.OffsetError = 0, 0
	if c.known {
		h.Offset, h.OffsetError = c.ahead, max(1, (c.best+1)/2)
	}
}

// askClock asks the far side for its clock, if it knows how to answer.
func (s *session) askClock() error {
	if s.hello.Level < levelClock || s.clock.left == 0 {
		return nil
	}
	s.questions++
	s.clock.left--
	s.clock.open, s.clock.asked = s.questions, time.Now()
	return s.out.line("clock", clock{Number: s.questions})
}

// takeClock handles an answer, and asks again.
func (s *session) takeClock(body string, now time.Time) (over bool, err error) {
	if err := s.clock.take(body, now); err != nil {
		return true, s.nonsense(err)
	}
	if s.clock.open != 0 {
		return false, nil
	}
	return false, s.askClock()
}
