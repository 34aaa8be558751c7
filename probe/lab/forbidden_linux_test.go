package lab

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"matrix/probe"
)

func TestWhatToAllow(t *testing.T) {
	for _, c := range []struct {
		setting, value string
		root           bool
		want           string
	}{
		{"kernel/apparmor_restrict_unprivileged_userns", "1", false, "sysctl kernel.apparmor_restrict_unprivileged_userns=0"},
		{"kernel/unprivileged_userns_clone", "0", false, "sysctl kernel.unprivileged_userns_clone=1"},
		{"user/max_user_namespaces", "0", false, "sysctl user.max_user_namespaces=10000"},
		{"", "", false, "seccomp"},
		{"", "", true, "SYS_ADMIN"},
	} {
		setting := func(name string) string {
			if name == c.setting {
				return c.value
			}
			return ""
		}
		if got := whatToAllow(setting, c.root); !strings.Contains(got, c.want) {
			t.Errorf("%s=%s: %q, want %q", c.setting, c.value, got, c.want)
		}
	}
}

func TestForbidden(t *testing.T) {
	var host *probe.HostError
	err := forbidden(unix.EPERM, isDenial(unix.EPERM))
	if !errors.Is(err, ErrForbidden) || !errors.As(err, &host) || host.Hint == "" {
		t.Errorf("%v: want ErrForbidden and a hint", err)
	}
	err = forbidden(unix.EIO, isDenial(unix.EIO))
	if errors.Is(err, ErrForbidden) || !errors.As(err, &host) || host.Hint != "" {
		t.Errorf("%v: nobody forbade that", err)
	}
}
