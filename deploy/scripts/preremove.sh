#!/bin/sh
# Runs before the files go. $1: "remove" or "upgrade" (.deb), 0 or 1 (.rpm).
set -e
case "$1" in
remove | 0) ;;
*) exit 0 ;;
esac

if command -v systemctl >/dev/null; then
	units="matrix-report.timer matrix-report.service matrix-agent.service matrix.service"
	if [ -d /run/systemd/system ]; then systemctl stop $units; fi
	systemctl --no-reload disable matrix-report.timer matrix-agent.service matrix.service
fi

# Closed again, if it was this package that opened it.
range=/proc/sys/net/ipv4/ping_group_range
if [ -e /etc/sysctl.d/20-matrix.conf ]; then
	rm /etc/sysctl.d/20-matrix.conf
	gid=$(getent group matrix | cut -d : -f 3)
	if [ "$(tr '\t' ' ' <$range)" = "$gid $gid" ]; then
		echo "1 0" 2>/dev/null >$range ||
			echo "matrix: net.ipv4.ping_group_range stays as it is until the system is restarted"
	fi
fi
