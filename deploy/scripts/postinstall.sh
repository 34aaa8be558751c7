#!/bin/sh
# Runs after the files are there. $1: "configure" (.deb), 1 or 2 (.rpm: first
# installation, upgrade); $2: the version before (.deb).
set -e
case "$1" in
configure | 1 | 2) ;;
*) exit 0 ;; # nothing was changed that was not here before
esac
upgrade=
if [ "$1" = 2 ] || [ -n "$2" ]; then upgrade=yes; fi

if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers matrix.conf
elif ! getent passwd matrix >/dev/null; then
	useradd --system --user-group --comment "matrix, ping measurements" \
		--home-dir /var/lib/matrix --no-create-home --shell /usr/sbin/nologin matrix
fi
if [ ! -e /var/lib/matrix ]; then
	install -d -o matrix -g matrix -m 0755 /var/lib/matrix
fi

# Ping sockets for the group matrix, and for nobody else. Where they are open to
# somebody already, that is somebody's decision: it is never narrowed or widened.
gid=$(getent group matrix | cut -d : -f 3)
range=/proc/sys/net/ipv4/ping_group_range
low=$(cut -f 1 $range) high=$(cut -f 2 $range)
if [ "$low" -gt "$high" ] || [ "$low $high" = "$gid $gid" ]; then
	mkdir -p /etc/sysctl.d
	cat >/etc/sysctl.d/20-matrix.conf <<-END
		# Made when matrix was installed, and removed with it: its group may open
		# ping sockets. A file that is read later (50-default.conf, if the system
		# has one) may open them to more.
		net.ipv4.ping_group_range = $gid $gid
	END
	echo "$gid $gid" 2>/dev/null >$range ||
		echo "matrix: net.ipv4.ping_group_range cannot be set now; a restart of the system will"
elif [ "$gid" -lt "$low" ] || [ "$gid" -gt "$high" ]; then
	echo "matrix: ping sockets are open to the groups $low to $high here, which leaves out matrix ($gid)."
	echo "matrix: widen net.ipv4.ping_group_range, or see /usr/share/doc/matrix/examples/raw-sockets.conf"
fi

if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	if [ -n "$upgrade" ]; then systemctl try-restart matrix.service matrix-agent.service; fi
fi
if [ -z "$upgrade" ]; then
	echo "matrix: nothing runs yet; /usr/share/doc/matrix/install.md has the next steps"
fi
