#!/bin/sh
# Runs in a clean Debian that systemd has booted, with the package in /matrix.deb
# and its dependencies installed: installs, measures under the service's own
# restrictions, upgrades, removes and purges.
set -eu

say() { printf '== %s\n' "$*"; }
fail() { printf 'FAIL: %s\n' "$*"; exit 1; }
# What the system itself writes while it runs does not count.
files() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /var/tmp \
		-o -path /var/log -o -path /var/cache -o -path /var/lib/systemd -o -path /var/lib/private \
		-o -path /var/lib/apt \) -prune -o -print | sort
}
range() { tr '\t' ' ' </proc/sys/net/ipv4/ping_group_range; }
new() { comm -13 /tmp/before /tmp/after; }
quietly() { "$@" >/run/said 2>&1 || { cat /run/said; fail "$*"; }; }
install_matrix() { quietly apt-get install -qq --no-install-recommends /matrix.deb; }
export DEBIAN_FRONTEND=noninteractive

say "a far side, reached by ssh"
useradd --create-home --shell /bin/sh probe
mkdir -p /run/sshd
/usr/sbin/sshd
files >/tmp/before
echo "1 0" >/proc/sys/net/ipv4/ping_group_range

say "install"
install_matrix
gid=$(getent group matrix | cut -d : -f 3)
[ "$(range)" = "$gid $gid" ] || fail "ping_group_range is $(range) after installation"
[ "$(getent passwd matrix | cut -d : -f 6-7)" = /var/lib/matrix:/usr/sbin/nologin ] || fail "user: $(getent passwd matrix)"
! systemctl -q is-enabled matrix.service || fail "the service is enabled, and nobody asked for it"

say "after a restart of the machine"
echo "1 0" >/proc/sys/net/ipv4/ping_group_range
/lib/systemd/systemd-sysctl
[ "$(range)" = "$gid $gid" ] || fail "ping_group_range is $(range) after systemd-sysctl"

say "units"
units="matrix.service matrix-agent.service matrix-report.service matrix-report.timer"
systemd-analyze verify --man=no $units
for unit in matrix.service matrix-agent.service matrix-report.service; do
	systemd-analyze security --offline=yes --threshold=20 --no-pager $unit | tail -n 1
done

say "measure as the service does: its user, its restrictions, one city over ssh"
usermod -g matrix probe
runuser -u matrix -- sh -c '
	umask 077
	mkdir /var/lib/matrix/.ssh
	ssh-keygen -q -t ed25519 -N "" -f /var/lib/matrix/.ssh/id_ed25519
	ssh-keyscan -t ed25519 127.0.0.2 >/var/lib/matrix/.ssh/known_hosts 2>/dev/null'
mkdir -m 0700 /home/probe/.ssh
printf 'restrict,command="/usr/bin/matrix probe" %s\n' "$(cat /var/lib/matrix/.ssh/id_ed25519.pub)" >/home/probe/.ssh/authorized_keys
chown -R probe /home/probe
cat >/etc/matrix/cities.csv <<END
name,title,host,ssh,latitude,longitude
here,Here,127.0.0.1,,48.86,2.35
there,There,127.0.0.2,probe@127.0.0.2,40.71,-74.01
END
mkdir -p /run/systemd/system/matrix.service.d
cat >/run/systemd/system/matrix.service.d/once.conf <<END
[Service]
Type=oneshot
Restart=no
ExecStart=
ExecStart=/bin/sh -c 'grep -E "^(Uid|Gid|Groups|CapBnd|CapPrm|CapEff|CapAmb|NoNewPrivs|Seccomp):" /proc/self/status'
ExecStart=/usr/bin/matrix version
ExecStart=/usr/bin/matrix --cities /etc/matrix/cities.csv --remote-path /usr/bin/matrix --count 3 --interval 100ms --out round --format csv
StandardOutput=append:/run/measured
StandardError=inherit
END
systemctl daemon-reload
systemctl start matrix.service || { cat /run/measured; fail "it does not measure"; }
cat /run/measured
grep -q '^CapBnd:.0000000000000000$' /run/measured || fail "it has capabilities"
grep -q 'IPv4 ping sockets  allowed' /run/measured || fail "no ping sockets"
grep -q 'IPv4 raw sockets   no' /run/measured || fail "raw sockets, which it should not have"
grep -q 'IPv4 times taken   by the kernel' /run/measured || fail "no time stamps of the kernel"
[ "$(grep -c ',3,3,measured,' /var/lib/matrix/round/pairs.csv)" = 2 ] || fail "not all pairs: $(cat /var/lib/matrix/round/pairs.csv)"
runuser -u matrix -- matrix rounds --history /var/lib/matrix/history | grep -q 'measured  *2[0-9]*T' || fail "the round is not where the guide has the backup made"
[ "$(stat -c %U:%a /var/lib/matrix/round/index.html)" = matrix:644 ] || fail "a web server cannot read the page"
rm -r /run/systemd/system/matrix.service.d
systemctl daemon-reload

say "measure over NATS, with the agent's service on this host"
printf 'name,title,host,latitude,longitude\nhere,Here,127.0.0.1,48.86,2.35\nthere,There,127.0.0.2,40.71,-74.01\n' >/etc/matrix/cities.csv
(cd /etc/matrix && quietly matrix init --nats 127.0.0.1)
[ "$(stat -c %U:%a /etc/matrix/nats/agents/here.key)" = root:600 ] || fail "the agent's key is $(stat -c %U:%a /etc/matrix/nats/agents/here.key)"
mv /etc/matrix/nats/agents/here.key /etc/matrix/agent.key
echo 'MATRIX_AGENT=--allow 127.0.0.0/8 --most-rate 250' >/etc/default/matrix-agent
systemctl start matrix-agent.service || { journalctl --no-pager -u matrix-agent.service; fail "the agent does not start"; }
(cd /etc/matrix && matrix --nats-listen 127.0.0.1:4222 --count 3 --interval 100ms --from here --history none --out /run/over --format csv) >/run/said 2>&1 || { cat /run/said; fail "nothing was measured over NATS"; }
grep -q '^here,there,.*,3,3,measured,' /run/over/pairs.csv || { cat /run/said /run/over/pairs.csv; journalctl --no-pager -u matrix-agent.service; fail "the agent measured nothing"; }
[ "$(stat -c %U:%a /var/lib/matrix/agent)" = matrix:700 ] || fail "what NATS does not have yet is $(stat -c %U:%a /var/lib/matrix/agent)"
systemctl stop matrix-agent.service
rm -r /etc/matrix/nats /etc/matrix/agent.key /etc/default/matrix-agent

say "upgrade"
systemctl -q enable matrix.service matrix-report.timer
echo '#mine' >>/etc/matrix/matrix.toml
quietly dpkg --force-confdef -i /matrix.deb
grep -q '#mine' /etc/matrix/matrix.toml || fail "an upgrade overwrote the settings"
systemctl -q is-enabled matrix.service || fail "an upgrade disabled the service"

say "remove"
quietly apt-get remove -qq matrix
[ "$(range)" = "1 0" ] || fail "ping_group_range is $(range) after removal"
[ -e /etc/matrix/matrix.toml ] || fail "removal took the settings"
[ ! -e /usr/bin/matrix ] || fail "the program is left"

say "purge"
quietly apt-get purge -qq matrix
files >/tmp/after
left=$(new | grep -v -e '^/var/lib/matrix' -e '^/home/probe' -e '^/etc/matrix$' -e '^/etc/matrix/cities.csv$') && fail "left behind: $left"
[ -e /var/lib/matrix/round/round.json ] || fail "the measurements are gone"
getent passwd matrix >/dev/null || fail "the measurements' owner is gone"

say "install and purge without having measured"
userdel -r probe 2>/dev/null
rm -r /var/lib/matrix /etc/matrix
install_matrix
quietly apt-get purge -qq matrix
files >/tmp/after
left=$(new) && [ -n "$left" ] && fail "left behind: $left"
! getent passwd matrix || fail "the user is left"
! getent group matrix || fail "the group is left"
say "all is well"
