package main

import (
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// meter shows how far a long job is, on a terminal and nowhere else.
type meter struct{ bar *progressbar.ProgressBar } // nil: nobody watches

// newMeter counts to total, in bytes or pieces; 0 is not known.
func newMeter(w io.Writer, quiet bool, total int64, bytes bool) *meter {
	if quiet || !isTerminal(w) {
		return &meter{}
	}
	if total == 0 {
		total = -1
	}
	return &meter{progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetWidth(20),
		progressbar.OptionShowBytes(bytes), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(),
		progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionSetElapsedTime(false))}
}

func (m *meter) describe(text string) {
	if m.bar != nil {
		m.bar.Describe(text)
	}
}

func (m *meter) add(n int) {
	if m.bar != nil {
		_ = m.bar.Add(n) // a terminal that went away is no reason to stop
	}
}

func (m *meter) clear() {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}
