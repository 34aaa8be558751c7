package ssh

import (
	"context"
	"path/filepath"
	"slices"
	"strings"

	"matrix/probe"
)

// Dialer starts far sides over ssh, or a command like it.
type Dialer struct {
	Command    []string // the words before the destination; nil: ssh
	RemotePath string   // where matrix is, or is to be, on the hosts; "": below the home folder, by build
	Binary     *Binary  // put there where it is missing
	Sockets    string   // folder of the masters' sockets; "": no masters of our own
}

// Dial starts the far side in a city. It returns at once; what became of it
// shows in the conversation.
func (d *Dialer) Dial(ctx context.Context, city probe.City) (*Conn, error) {
	link, err := d.link(ctx, city)
	if err != nil {
		return nil, err
	}
	if d.RemotePath != "" {
		return link.run(shellCommand(forStart, startVersion, d.RemotePath, d.Binary.Version))
	}
	return link.run(shellCommand(forStart, startBuild, d.Binary.home()))
}

// link is how one host is reached.
type link struct {
	*Dialer
	login  string
	argv   []string // command and options, without the destination
	socket string   // of the master; "" if ssh's own configuration takes care
}

// isOpenSSH says whether the command takes OpenSSH's options.
func (d *Dialer) isOpenSSH() bool {
	return len(d.Command) == 0 || filepath.Base(d.Command[0]) == "ssh"
}

func (d *Dialer) link(ctx context.Context, city probe.City) (*link, error) {
	login := city.Login()
	if err := probe.CheckLogin(login); err != nil {
		return nil, &probe.HostError{Op: "connect", Err: err, Hint: "mend the city's host or ssh column in the inventory"}
	}
	l := &link{Dialer: d, login: login, argv: d.Command}
	if len(d.Command) == 0 {
		l.argv = []string{"ssh"}
	}
	if !d.isOpenSSH() {
		return l, nil
	}
	settings, err := l.settings(ctx)
	if err != nil {
		return nil, err
	}
	// What stands first wins with ssh, so the command's own options stay ahead.
	options := []string{"BatchMode=yes"}
	if settings["connecttimeout"] == "" || settings["connecttimeout"] == "none" {
		// A host with an IPv6 and an IPv4 address has this time twice, within
		// the 15 s that a greeting may take.
		options = append(options, "ConnectTimeout=6")
	}
	if settings["serveraliveinterval"] == "0" {
		options = append(options, "ServerAliveInterval=5", "ServerAliveCountMax=3")
	}
	if d.Sockets != "" && !settings.multiplexed() {
		l.socket = filepath.Join(d.Sockets, settings.fingerprint())
		options = append(options, "ControlMaster=auto", "ControlPath="+strings.ReplaceAll(l.socket, "%", "%%"), "ControlPersist=10m")
	}
	l.argv = append(slices.Clone(l.argv), "-T")
	for _, o := range options {
		l.argv = append(l.argv, "-o", o)
	}
	return l, nil
}
