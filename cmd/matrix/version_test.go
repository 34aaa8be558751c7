package main

import (
	"bytes"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe"
	"matrix/probe/icmp"
)

func TestBuildIsReadFromItsStamps(t *testing.T) {
	info := &debug.BuildInfo{
		Main: debug.Module{Version: "v1.2.3+dirty"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "797ccf18438f250c314f4b483d950c5d04c0c43e"},
			{Key: "vcs.time", Value: "2026-11-22T20:23:33Z"},
			{Key: "vcs.modified", Value: "true"},
		},
	}
	b := readBuild(info)
	if b.version != "v1.2.3+dirty" || !b.time.Equal(time.Date(2026, 11, 22, 20, 23, 33, 0, time.UTC)) {
		t.Errorf("version %q of %v", b.version, b.time)
	}
	if got, want := b.describe(), "797ccf18438f of 2026-11-22 20:23:33 UTC and changes since"; got != want {
		t.Errorf("describes itself as %q, want %q", got, want)
	}
	if bare := readBuild(&debug.BuildInfo{}); bare.version != "(devel)" || bare.commit != "" {
		t.Errorf("a build without stamps is %+v", bare)
	}
}

func TestVersionSaysWhatTheMachineAllows(t *testing.T) {
	for _, test := range []struct {
		name   string
		rights icmp.Rights
		want   []string
	}{
		{"ping sockets", icmp.Rights{Raw: syscall.EPERM, Stamps: probe.KernelStamps},
			[]string{"IPv4 ping sockets  allowed\n", "IPv4 raw sockets   no: operation not permitted\n", "IPv6 times taken   by the kernel\n"}},
		{"nothing", icmp.Rights{Ping: syscall.EACCES, Raw: syscall.EPERM, Hint: "do this"},
			[]string{"IPv6 ping sockets  no: permission denied\n", "  This user cannot ping: do this\n"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			b := build{version: "v1.2.3", commit: "797ccf18438f250c"}
			if err := writeVersion(&out, b, func(bool) icmp.Rights { return test.rights }); err != nil {
				t.Fatal(err)
			}
			for _, want := range append(test.want, "matrix v1.2.3 ", "commit             797ccf18438f\n") {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in\n%s", want, out.String())
				}
			}
		})
	}
}
