package terminal_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"matrix/probe"
	"matrix/report"
	"matrix/report/reporttest"
	"matrix/report/terminal"
)

func someHosts() []report.HostLine {
	well := probe.Health{Engine: "ping socket", Stamps: probe.KernelStamps, Offset: -3 * time.Millisecond, OffsetError: 41 * time.Millisecond, Load: 0.42, CPUs: 4}
	late, user := well, well
	late.Offset, user.Stamps = 70*time.Second, probe.UserStamps
	mayNot := &probe.HostError{Op: "measure", Err: errors.New("open an ICMP socket: this user (group 1000) may open neither a ping socket nor a raw one"), Hint: "on that host, allow it"}
	down := &probe.HostError{Op: "connect", Err: errors.New("ssh: connect to host paris port 22: \x1b[31mConnection refused"), Hint: "try by hand: ssh -T -o BatchMode=yes paris true"}
	var list []report.HostLine
	for _, e := range []probe.Examination{
		{City: "baltimore", Took: 812 * time.Millisecond, Version: "v1.2.0", Health: well, Self: 21 * time.Microsecond},
		{City: "newyork", Took: 1200 * time.Millisecond, Version: "v1.1.0", Health: user, Self: 50 * time.Microsecond},
		{City: "saopaulo", Took: 1900 * time.Millisecond, Version: "v1.2.0", Health: late, Self: 21 * time.Microsecond},
		{City: "milan", Took: 100 * time.Millisecond, Version: "v1.2.0", PingErr: mayNot},
		{City: "paris", Err: down},
		{City: "here", Took: 1, Version: "v1.2.0", Health: probe.Health{Engine: "raw socket", Stamps: probe.KernelStamps, CPUs: 2}, Self: 9 * time.Microsecond},
	} {
		list = append(list, report.NewHostLine(e, "v1.2.0"))
	}
	return list
}

func TestHosts(t *testing.T) {
	deployed := someHosts()
	for i := range deployed {
		deployed[i].Deployed = "there already, linux/amd64"
	}
	for name, list := range map[string][]report.HostLine{"hosts": someHosts(), "deployed": deployed} {
		for _, width := range []int{80, 200} {
			var out bytes.Buffer
			if err := terminal.Hosts(&out, list, terminal.Options{Width: width}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(out.String()) {
				if w := twwidth.Width(strings.TrimSuffix(line, "\n")); w > width || strings.Contains(line, "\x1b") {
					t.Errorf("a line of %d columns, or with an escape: %q", w, line)
				}
			}
			reporttest.Golden(t, fmt.Sprintf("%s.%d.txt", name, width), out.Bytes())
		}
	}
}
