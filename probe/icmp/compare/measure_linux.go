package main

import (
	"fmt"
	"math"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var (
	kernel  = tool{"matrix kernel", engine("kernel")}
	tens    = tool{"matrix kernel, 10 ms ticks", engine("tens")}
	even    = tool{"matrix kernel, evenly", engine("even")}
	floor   = tool{"the least a thread can do, evenly", engine("floor")}
	probing = tool{"matrix probing (pro-bing)", engine("probing")}
	bursts  = tool{"fping -i 0 (bursts)", fping(false)}
	spaced  = tool{"fping, evenly", fping(true)}
	pings   = tool{"one ping a target", onePingEach}
	scamp   = tool{"scamper", scamper}
)

// among is the part of the names of the tools that are compared.
var among = regexp.MustCompile("")

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// load is what a comparison of CPU has its tools do.
type load struct {
	name  string
	plan  plan
	tools []tool
}

// A target gets 30 echo requests at 10,000 a second: fping has 65,535 sequence
// numbers for ten seconds.
var (
	middle = load{"250 targets, 2,500 a second", plan{250, 100, 100 * time.Millisecond}, []tool{bursts, tens, kernel, spaced, even, floor, scamp, probing}}
	heavy  = load{"1,000 targets, 10,000 a second", plan{1000, 30, 100 * time.Millisecond}, []tool{bursts, kernel, scamp, pings}}
	light  = load{"250 targets, 250 a second", plan{250, 12, time.Second}, []tool{bursts, kernel, spaced, even, floor}}
)

// costs compares CPU, tool after tool in every round, so that a change of the
// machine hits all of them.
func (l load) costs(rounds int) error {
	cpu, all, lost, rss := map[string][]float64{}, map[string][]float64{}, map[string]int{}, map[string][]float64{}
	for range rounds {
		for _, t := range l.tools {
			if !among.MatchString(t.name) {
				continue
			}
			before := working()
			r, err := t.run(l.plan)
			machine := working() - before
			if err != nil {
				fmt.Fprintln(os.Stderr, t.name, err)
				continue
			}
			all[t.name] = append(all[t.name], float64(machine.Microseconds())/float64(l.plan.echoes()))
			cpu[t.name] = append(cpu[t.name], float64(r.cpu.Microseconds())/float64(l.plan.echoes()))
			rss[t.name] = append(rss[t.name], float64(r.rss)/1024)
			lost[t.name] += r.lost(l.plan)
		}
	}
	fmt.Printf("\n### CPU: %s, %s\n\n| tool | ms of CPU for 1,000 echoes | from–to | × fping's bursts | of the whole machine | lost | RSS, MB |\n|---|---|---|---|---|---|---|\n", l.name, cable())
	base := median(cpu[bursts.name])
	for _, t := range l.tools {
		own := cpu[t.name]
		if len(own) == 0 {
			continue
		}
		memory := "" // only our own is known: that of others includes the memory of what started them
		if r := median(rss[t.name]); r > 0 {
			memory = fmt.Sprintf("%.1f", r)
		}
		m := median(own)
		gone := strconv.Itoa(lost[t.name])
		if t.name == floor.name {
			gone = "does not look"
		}
		fmt.Printf("| %s | %.1f | %.1f–%.1f | %.2f | %.1f | %s | %s |\n", t.name, m, own[0], own[len(own)-1], m/base, median(all[t.name]), gone, memory)
	}
	return nil
}

// working is how long all CPUs of the machine have been at work: what the kernel
// does in interrupts is on nobody's account. It tells how long they have not; 0: it
// does not.
func working() time.Duration {
	stat, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(stat), "\n")
	var user, nice, system, idle, wait int64 // in hundredths of a second, proc_stat(5)
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d", &user, &nice, &system, &idle, &wait); err != nil {
		return 0
	}
	return time.Since(start)*time.Duration(runtime.NumCPU()) - time.Duration(idle+wait)*10*time.Millisecond
}

var start = time.Now()

// accuracies compares round-trip times with a capture of the cable.
func accuracies(rounds int) error {
	p := plan{250, 30, 100 * time.Millisecond}
	for _, loops := range []int{0, 8} {
		fmt.Printf("\n### Error against the capture, µs: 250 targets, 2,500 a second, %d busy loops\n\n| tool | median | 99 %% | largest | lost by the tool, of answered |\n|---|---|---|---|---|\n", loops)
		errors := map[string][3][]float64{}
		lost := map[string]int{}
		tools := []tool{kernel, scamp, bursts, pings, probing}
		for range rounds {
			for _, t := range tools {
				if !among.MatchString(t.name) {
					continue
				}
				e, n, err := accuracy(t, p, loops)
				if err != nil {
					fmt.Fprintln(os.Stderr, t.name, err)
					continue
				}
				all := errors[t.name]
				for i := range e {
					all[i] = append(all[i], e[i])
				}
				errors[t.name] = all
				lost[t.name] += n
			}
		}
		for _, t := range tools {
			e := errors[t.name]
			if len(e[0]) == 0 {
				continue
			}
			fmt.Printf("| %s | %.2f | %.1f | %.0f | %d |\n", t.name, median(e[0]), median(e[1]), median(e[2]), lost[t.name])
		}
	}
	return nil
}

func accuracy(t tool, p plan, loops int) (e [3]float64, lost int, err error) {
	r, _, real, err := captured(t, p, loops)
	if err != nil {
		return e, 0, err
	}
	errors, lost := differences(real, r.rtts)
	if len(errors) == 0 {
		return e, lost, fmt.Errorf("nothing to compare: %d targets in the capture, %d of the tool", len(real), len(r.rtts))
	}
	slices.Sort(errors)
	return [3]float64{errors[len(errors)/2], errors[len(errors)*99/100], errors[len(errors)-1]}, lost, nil
}

// captured runs a tool beside busy loops, and captures what is on the cable: when
// requests left, and the round-trip times.
func captured(t tool, p plan, loops int) (r result, times []int64, real map[netip.Addr][]int64, err error) {
	file := filepath.Join(os.TempDir(), "compare.pcap")
	capture := exec.Command("tcpdump", "-i", device, "-w", file, "--time-stamp-precision", "nano", "-s", "64", "-B", "65536", "-Z", "root", "icmp")
	capture.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := capture.Start(); err != nil {
		return r, nil, nil, err
	}
	<-time.After(500 * time.Millisecond)
	var busy []*exec.Cmd
	for range loops {
		loop := exec.Command("sh", "-c", "while :; do :; done")
		loop.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := loop.Start(); err != nil {
			return r, nil, nil, err
		}
		busy = append(busy, loop)
	}
	r, err = t.run(p)
	for _, loop := range busy {
		_ = loop.Process.Kill()
		_ = loop.Wait()
	}
	<-time.After(300 * time.Millisecond)
	_ = capture.Process.Signal(syscall.SIGINT)
	_ = capture.Wait()
	if err != nil {
		return r, nil, nil, err
	}
	times, real, err = truth(file)
	return r, times, real, err
}

// spacings compares how evenly echo requests leave.
func (l load) spacings(rounds int) error {
	gap := l.plan.interval / time.Duration(l.plan.targets)
	fmt.Printf("\n### Gaps between echo requests, µs: %s (one every %d), %s\n\n| tool | 1 %% | 10 %% | median | 90 %% | 99 %% |\n|---|---|---|---|---|---|\n", l.name, gap.Microseconds(), cable())
	for _, t := range []tool{kernel, even, spaced, bursts} {
		if !among.MatchString(t.name) {
			continue
		}
		var gaps []float64
		for range rounds {
			_, times, _, err := captured(t, l.plan, 0)
			if err == nil && len(times) == 0 {
				err = fmt.Errorf("%s sent nothing", t.name)
			}
			if err != nil {
				return err
			}
			for i := range times[1:] {
				gaps = append(gaps, float64(times[i+1]-times[i])/1000)
			}
		}
		slices.Sort(gaps)
		fmt.Printf("| %s |", t.name)
		for _, percent := range []int{1, 10, 50, 90, 99} {
			fmt.Printf(" %.0f |", gaps[len(gaps)*percent/100])
		}
		fmt.Println()
	}
	return nil
}

// cable says what decides when packets leave.
func cable() string {
	if waits {
		return "fq on the cable"
	}
	return "no fq on the cable"
}

// differences are the errors in µs, and how many that were answered on the
// cable the tool calls lost.
func differences(real, told map[netip.Addr][]int64) (errors []float64, lost int) {
	for to, rtts := range real {
		for slot, rtt := range rtts {
			switch {
			case rtt < 0 || slot >= len(told[to]) && told[to] != nil:
			case told[to] == nil || told[to][slot] < 0:
				lost++
			default:
				errors = append(errors, math.Abs(float64(told[to][slot]-rtt))/1000)
			}
		}
	}
	return errors, lost
}

// peaks lets the fastest two do as much as they can.
func peaks(rounds int) error {
	fmt.Printf("\n### As fast as can be: 2,000 targets, 150 echo requests each (fping: 1,000 and 60, it refuses more in ten seconds)\n\n| tool | echoes a second | from–to | lost |\n|---|---|---|---|\n")
	for _, t := range []tool{kernel, bursts} {
		p := plan{2000, 150, 10 * time.Millisecond}
		if t.name == bursts.name {
			p = plan{1000, 60, time.Millisecond}
		}
		var rates []float64
		lost, sent := 0, 0
		for range rounds {
			r, err := t.run(p)
			if err != nil {
				return err
			}
			rates = append(rates, float64(p.echoes())/r.wall.Seconds())
			lost += r.lost(p)
			sent += p.echoes()
		}
		m := median(rates)
		fmt.Printf("| %s | %.0f | %.0f–%.0f | %d of %d |\n", t.name, m, rates[0], rates[len(rates)-1], lost, sent)
	}
	return nil
}

// losses looks for one false loss in 100 rounds of 250 × 30.
func losses(rounds int) error {
	lost := 0
	for range 100 {
		r, err := kernel.run(plan{250, 30, 20 * time.Millisecond})
		if err != nil {
			return err
		}
		lost += r.lost(plan{250, 30, 0})
	}
	fmt.Printf("\n### False loss\n\n%d of 750,000 echo requests to 250 targets, 30 each, in 100 rounds\n", lost)
	return nil
}
