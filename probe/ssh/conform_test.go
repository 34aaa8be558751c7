//go:build unix

package ssh

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"matrix/probe"
	"matrix/probe/icmp"
	"matrix/probe/pingtest"
	"matrix/probe/wire"
)

// TestConformance runs the contract of agents on the program itself, which a
// real sshd starts.
func TestConformance(t *testing.T) {
	pingtest.Require(t, &icmp.ByJob{})
	s := startServer(t)
	d := s.dialer(t)
	d.RemotePath, d.Binary = s.path("bin/matrix"), realProgram(t)
	opener := &wire.Opener{Dialer: wire.DialFunc(func(ctx context.Context, city probe.City) (wire.Conn, error) {
		conn, err := d.Dial(ctx, city)
		if err != nil {
			return nil, err
		}
		return conn, nil
	})}
	pingtest.ConformAgent(t, func(*testing.T) (probe.Opener, probe.City) { return opener, baltimore })
}

// realProgram is matrix, built.
func realProgram(t *testing.T) *Binary {
	t.Helper()
	path := filepath.Join(t.TempDir(), "matrix")
	build := exec.Command("go", "build", "-o", path, "matrix/cmd/matrix")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(path, "version", "--short").Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, err := checksum(path)
	if err != nil {
		t.Fatal(err)
	}
	return &Binary{Path: path, Version: strings.TrimSpace(string(out)), sum: sum}
}
