package lab

import (
	"fmt"
	"os"
	"strings"

	"matrix/probe"
)

// forbidden says why a lab could not be set up and, if the kernel refused, what
// to allow.
func forbidden(err error, denied bool) error {
	failed := &probe.HostError{Op: "set up the lab", Err: err}
	if denied {
		failed.Err = fmt.Errorf("%w: %w", ErrForbidden, err)
		failed.Hint = whatToAllow(readSetting, os.Geteuid() == 0)
	}
	return failed
}

// whatToAllow looks for the lock on user namespaces that this machine has.
func whatToAllow(setting func(string) string, root bool) string {
	switch {
	case root:
		return "the lab makes namespaces: give this container the capabilities SYS_ADMIN and NET_ADMIN " +
			"and a seccomp profile that allows unshare (docker run --privileged)"
	case setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
		return "AppArmor forbids user namespaces to ordinary users: run it as root, or allow them with " +
			"sysctl kernel.apparmor_restrict_unprivileged_userns=0"
	case setting("kernel/unprivileged_userns_clone") == "0":
		return "this kernel forbids user namespaces to ordinary users: run it as root, or allow them with " +
			"sysctl kernel.unprivileged_userns_clone=1"
	case setting("user/max_user_namespaces") == "0":
		return "this kernel has no user namespaces to give: run it as root, or allow them with " +
			"sysctl user.max_user_namespaces=10000"
	}
	return "user namespaces are forbidden here, perhaps by a container's seccomp profile: run it as root outside, " +
		"or start the container with --privileged (or --security-opt seccomp=unconfined --security-opt apparmor=unconfined)"
}

func readSetting(name string) string {
	text, _ := os.ReadFile("/proc/sys/" + name) // one that is not there locks nothing
	return strings.TrimSpace(string(text))
}
