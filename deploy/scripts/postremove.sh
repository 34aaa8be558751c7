#!/bin/sh
# Runs after the files went. $1: "remove", "purge" and others (.deb), 0 or 1
# (.rpm).
set -e
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
if [ "$1" != purge ]; then exit 0; fi

# Measurements are not configuration: years of them cannot be had again. They
# stay, and with them the user they belong to; a user without any goes.
if [ -d /var/lib/matrix ]; then rmdir --ignore-fail-on-non-empty /var/lib/matrix; fi
if [ -e /var/lib/matrix ]; then
	echo "matrix: measurements and keys stay in /var/lib/matrix, and with them the user matrix"
	exit 0
fi
if getent passwd matrix >/dev/null; then userdel matrix; fi
if getent group matrix >/dev/null; then
	groupdel matrix || echo "matrix: the group matrix stays, since others are in it"
fi
