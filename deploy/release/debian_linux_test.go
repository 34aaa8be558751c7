package main

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/acceptance.sh
var acceptance []byte

// acceptanceUnit runs the script once the system is up, and ends it.
const acceptanceUnit = `[Unit]
After=multi-user.target
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh /acceptance.sh
StandardOutput=file:/acceptance.log
StandardError=inherit
`

// TestCleanDebian installs the .deb into a Debian that has nothing but its
// dependencies and systemd, boots that with a network of its own, and has the
// service measure under all of its restrictions; then takes it out again.
func TestCleanDebian(t *testing.T) {
	asked(t)
	if os.Getuid() != 0 {
		t.Fatal("MATRIX_TEST_RELEASE is set, and only root can boot a Debian")
	}
	out := releaseHere(t, ".", filepath.Join(t.TempDir(), "dist"), "")
	root := filepath.Join(t.TempDir(), "debian")
	bootstrap(t, root)
	copyFile(t, the(t, out, "*.deb"), filepath.Join(root, "matrix.deb"))
	put(t, filepath.Join(root, "acceptance.sh"), acceptance)
	put(t, filepath.Join(root, "etc/systemd/system/acceptance.service"), []byte(acceptanceUnit))

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	said, err := exec.CommandContext(ctx, "systemd-nspawn", "--quiet", "--directory", root, "--register=no", "--keep-unit",
		"--private-network", "--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=pipe",
		"--boot", "systemd.unit=acceptance.service", "systemd.wants=multi-user.target").CombinedOutput()
	log, readErr := os.ReadFile(filepath.Join(root, "acceptance.log"))
	t.Logf("%s", log)
	if err != nil || readErr != nil || !strings.Contains(string(log), "== all is well\n") {
		t.Fatalf("%v\n%s", errors.Join(err, readErr), said)
	}
}

// bootstrap makes the Debian.
func bootstrap(t *testing.T, root string) {
	t.Helper()
	command(t, "debootstrap", "--variant=minbase", "--include=systemd,openssh-server,openssh-client,passwd",
		suite(), root)
}
