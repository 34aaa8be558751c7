package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"matrix/probe"
	"matrix/probe/icmp"
)

// plan is what every tool is told to do.
type plan struct {
	targets, count int
	interval       time.Duration
}

func (p plan) echoes() int { return p.targets * p.count }

// result is what a tool did.
type result struct {
	rtts map[netip.Addr][]int64 // ns, by sequence number; negative: lost
	cpu  time.Duration
	wall time.Duration
	rss  int64 // kB; 0: not known
}

func (r result) lost(p plan) int {
	n := p.echoes()
	for _, rtts := range r.rtts {
		for _, rtt := range rtts {
			if rtt >= 0 {
				n--
			}
		}
	}
	return n
}

// command runs a program, adds up its costs, and returns what it printed.
func (r *result) command(user uint32, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if user != 0 {
		c.SysProcAttr.Credential = &syscall.Credential{Uid: user, Gid: user}
	}
	began := time.Now()
	err := c.Run()
	r.wall = max(r.wall, time.Since(began))
	if c.ProcessState == nil {
		return "", err
	}
	r.cpu += c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	if c.ProcessState.ExitCode() > 1 { // 1: some did not answer
		return "", fmt.Errorf("%s: %w: %.200s", name, err, out.String())
	}
	return out.String(), nil
}

func (r *result) set(to string, slot, count int, ms float64) {
	addr, err := netip.ParseAddr(to)
	if err != nil || slot < 0 || slot >= count {
		return
	}
	if r.rtts[addr] == nil {
		r.rtts[addr] = make([]int64, count)
		for i := range r.rtts[addr] {
			r.rtts[addr][i] = -1
		}
	}
	r.rtts[addr][slot] = int64(ms * 1e6)
}

type tool struct {
	name string
	run  func(p plan) (result, error)
}

const nobody = 65534

// engine is a tool that is this program.
func engine(name string) func(plan) (result, error) {
	return func(p plan) (result, error) {
		r := result{rtts: map[netip.Addr][]int64{}}
		out, err := r.command(nobody, "/proc/self/exe", "-child", name,
			"-targets", strconv.Itoa(p.targets), "-count", strconv.Itoa(p.count), "-interval", p.interval.String())
		for line := range strings.Lines(out) {
			f := strings.Fields(line)
			switch {
			case len(f) == 2 && f[0] == "rss":
				r.rss, _ = strconv.ParseInt(f[1], 10, 64)
			case len(f) > 1 && f[0] == "health":
				fmt.Fprintln(os.Stderr, name, line)
			case len(f) > 1:
				for slot, text := range f[1:] {
					if ns, err := strconv.ParseInt(text, 10, 64); err == nil && ns > 0 {
						r.set(f[0], slot, p.count, float64(ns)/1e6)
					}
				}
			}
		}
		return r, err
	}
}

// runEngine is the child.
func runEngine(name string, p plan) error {
	if name == "floor" {
		return runFloor(p)
	}
	pinger, err := icmp.New(map[string]string{"kernel": "kernel", "tens": "kernel", "even": "kernel", "probing": "probing"}[name])
	if err != nil {
		return err
	}
	if k, ok := pinger.(*icmp.Kernel); ok {
		k.Tick = map[string]time.Duration{"tens": 10 * time.Millisecond, "even": 1}[name]
	}
	job := probe.Job{From: "here", Options: probe.DefaultOptions()}
	job.Count, job.Interval, job.Timeout = p.count, p.interval, time.Second
	job.Rate = min(100_000, int(float64(p.targets)/p.interval.Seconds())+1)
	for i := range p.targets {
		start := time.Duration(i) * p.interval / time.Duration(p.targets)
		job.Targets = append(job.Targets, probe.Target{City: address(i).String(), Addr: address(i), Start: start})
	}
	rtts := make([]int64, p.echoes())
	err = pinger.Ping(context.Background(), job, func(e probe.Echo) {
		if e.Outcome == probe.Replied {
			rtts[e.Target*p.count+e.Seq] = int64(e.RTT)
		}
	})
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for i, rtt := range rtts {
		if i%p.count == 0 {
			out.WriteString(job.Targets[i/p.count].City)
		}
		out.WriteByte(' ')
		out.Write(strconv.AppendInt(out.AvailableBuffer(), rtt, 10))
		if i%p.count == p.count-1 {
			out.WriteByte('\n')
		}
	}
	status, _ := os.ReadFile("/proc/self/status")
	if m := regexp.MustCompile(`VmHWM:\s+(\d+)`).FindSubmatch(status); m != nil {
		fmt.Fprintf(out, "rss %s\n", m[1])
	}
	health, _ := json.Marshal(probe.HealthOf(pinger))
	fmt.Fprintf(out, "health %s\n", health)
	return err
}

// runFloor does the least that evenly spaced echo requests need: a thread
// sleeps, sends one and sleeps again. It looks at no reply and tells no time.
func runFloor(p plan) error {
	runtime.LockOSThread()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, unix.IPPROTO_ICMP)
	if err != nil {
		return err
	}
	request := make([]byte, 64)
	request[0] = 8
	gap := unix.NsecToTimespec(int64(p.interval) / int64(p.targets))
	for i := range p.echoes() {
		_, _, _ = unix.RawSyscall6(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&gap)), 0, 0, 0, 0, 0)
		if err := unix.Sendto(fd, request, 0, &unix.SockaddrInet4{Addr: address(i % p.targets).As4()}); err != nil {
			return err
		}
	}
	return nil
}

func targetsFile(p plan) (string, error) {
	var list strings.Builder
	for i := range p.targets {
		fmt.Fprintln(&list, address(i))
	}
	file := filepath.Join(os.TempDir(), "compare-targets")
	return file, os.WriteFile(file, []byte(list.String()), 0o644)
}

// fping with -i 0 sends each round in one burst, which is its fastest.
func fping(even bool) func(plan) (result, error) {
	return func(p plan) (result, error) {
		r := result{rtts: map[netip.Addr][]int64{}}
		file, err := targetsFile(p)
		if err != nil {
			return r, err
		}
		gap := "0"
		if even {
			gap = strconv.FormatFloat(p.interval.Seconds()*1000/float64(p.targets), 'f', 3, 64)
		}
		out, err := r.command(0, "fping", "-q", "-C", strconv.Itoa(p.count), "-i", gap, "-t", "1000",
			"-p", strconv.FormatFloat(p.interval.Seconds()*1000, 'f', 3, 64), "-f", file)
		for line := range strings.Lines(out) {
			to, list, ok := strings.Cut(line, " : ")
			if !ok {
				continue
			}
			for slot, text := range strings.Fields(list) {
				if ms, err := strconv.ParseFloat(text, 64); err == nil {
					r.set(strings.TrimSpace(to), slot, p.count, ms)
				}
			}
		}
		return r, err
	}
}

var pingLine = regexp.MustCompile(`icmp_seq=(\d+) ttl=\d+ time=([\d.]+) ms`)

// onePingEach runs a ping for every target.
func onePingEach(p plan) (result, error) {
	all := result{rtts: map[netip.Addr][]int64{}}
	var mu sync.Mutex
	var wait sync.WaitGroup
	var failed error
	for i := range p.targets {
		wait.Go(func() {
			var r result
			to := address(i).String()
			out, err := r.command(0, "ping", "-n", "-c", strconv.Itoa(p.count), "-W", "1",
				"-i", strconv.FormatFloat(p.interval.Seconds(), 'f', 3, 64), to)
			mu.Lock()
			defer mu.Unlock()
			for _, m := range pingLine.FindAllStringSubmatch(out, -1) {
				slot, _ := strconv.Atoi(m[1])
				ms, _ := strconv.ParseFloat(m[2], 64)
				all.set(to, slot-1, p.count, ms)
			}
			if err != nil {
				failed = err
			}
			all.cpu, all.wall = all.cpu+r.cpu, max(all.wall, r.wall)
		})
	}
	wait.Wait()
	return all, failed
}

func scamper(p plan) (result, error) {
	r := result{rtts: map[netip.Addr][]int64{}}
	file, err := targetsFile(p)
	if err != nil {
		return r, err
	}
	each := fmt.Sprintf("ping -c %d -i %g", p.count, p.interval.Seconds())
	perSecond := min(10_000, int(float64(p.targets)/p.interval.Seconds()))
	out, err := r.command(0, "scamper", "-O", "json", "-o", "-", "-w", strconv.Itoa(p.targets),
		"-p", strconv.Itoa(perSecond), "-c", each, "-f", file)
	for line := range strings.Lines(out) {
		var ping struct {
			Dst       string
			Responses []struct {
				Seq int
				RTT float64
			}
		}
		if json.Unmarshal([]byte(line), &ping) == nil {
			for _, one := range ping.Responses {
				r.set(ping.Dst, one.Seq, p.count, one.RTT)
			}
		}
	}
	return r, err
}
