package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"matrix/probe"
)

// progress shows how far a round is, on a terminal and nowhere else.
type progress struct {
	w   io.Writer // nil: nobody watches
	bar *progressbar.ProgressBar
}

func newProgress(w io.Writer, quiet bool) *progress {
	if quiet || !isTerminal(w) {
		return &progress{}
	}
	return &progress{w: w}
}

func (p *progress) show(now probe.Progress) {
	if p.w == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(now.Echoes, progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(20),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.bar.Describe(describe(now))
	_ = p.bar.Set(now.EchoesDone) // a terminal that went away is no reason to stop
}

// stage shows how far a part of something long is.
func (p *progress) stage(what string, done, all int) {
	if p.w == nil {
		return
	}
	if p.bar == nil || p.bar.GetMax() != all {
		p.clear()
		p.bar = progressbar.NewOptions(all, progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(20),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.bar.Describe(what)
	_ = p.bar.Set(done)
}

// step shows which of a few steps is being taken.
func (p *progress) step(n, of int, what string) {
	if p.w == nil {
		return
	}
	if p.bar == nil {
		p.bar = progressbar.NewOptions(of, progressbar.OptionSetWriter(p.w), progressbar.OptionSetWidth(20),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.bar.Describe(what)
	_ = p.bar.Set(n)
}

func describe(now probe.Progress) string {
	if !now.Started {
		return fmt.Sprintf("connecting: %d of %d hosts", now.HostsUp, now.Hosts)
	}
	text := fmt.Sprintf("%d of %d pairs, %d hosts up", now.PairsDone, now.Pairs, now.HostsUp)
	if now.HostsFailed > 0 {
		text += fmt.Sprintf(", %d down", now.HostsFailed)
	}
	return text + fmt.Sprintf(", %v left", now.Left.Round(time.Second))
}

func (p *progress) clear() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
