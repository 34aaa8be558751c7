package lab

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/sys/unix"
)

// city is a city's part of the lab's folder:
//
//	cities/NAME/home         where its commands and its logins find themselves
//	cities/NAME/sshd_config  for sshd -f
//	cities/NAME/sshd.pid     of its sshd
//	cities/NAME/sshd.log     what that has to say
//	cities/NAME/host_key     and host_key.pub
//	cities/NAME/authorized_keys of its sshd: the operator's key
//	cities/NAME/shell        run by its sshd instead of /bin/sh, if it is there
type city struct {
	host   *host
	folder string
	fault  Fault
}

// prepareCities does to the cities what the order says beyond the network.
func prepareCities(o *order, d *door) error {
	faults := make(map[string]Fault)
	if o.Routes != nil {
		for _, f := range o.Routes.Cities {
			faults[lower(f.Name)] = f
		}
	}
	var cities []city
	for i := range d.net.operator() {
		h := &d.net.hosts[i]
		c := city{h, filepath.Join(d.homes, h.name), faults[lower(h.name)]}
		if err := c.mountDisk(); err != nil {
			return err
		}
		cities = append(cities, c)
	}
	if !o.Sshd {
		return nil
	}
	return startSshds(d, cities)
}

// mountDisk gives a city's home a file system of its own, to fill.
func (c *city) mountDisk() error {
	if c.fault.Disk == "" {
		return nil
	}
	if err := unix.Mount("tmpfs", filepath.Join(c.folder, "home"), "tmpfs", 0, "mode=700,size="+c.fault.Disk); err != nil {
		return fmt.Errorf("mount a disk of %s for %s: %w", c.fault.Disk, c.host.name, err)
	}
	return nil
}

// startSshds starts the real sshd in every city, and makes the real ssh trust
// and find them.
func startSshds(d *door, cities []city) error {
	sshd, err := findProgram("sshd")
	if err != nil {
		return err
	}
	if err := logins(d.folder); err != nil {
		return err
	}
	if err := writeKey(filepath.Join(d.folder, "user_key"), "operator"); err != nil {
		return err
	}
	if err := clientFiles(d.folder); err != nil {
		return err
	}
	known, err := os.Create(filepath.Join(d.folder, "known_hosts"))
	if err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	defer known.Close()
	ended := make([]<-chan syscall.WaitStatus, len(cities))
	for i := range cities {
		c := &cities[i]
		if err := c.writeSshdFiles(d.folder, known); err != nil {
			return err
		}
		if c.fault.SSHD == "none" {
			continue
		}
		if ended[i], err = c.startSshd(d, d.spaces[i], sshd); err != nil {
			return err
		}
	}
	for i := range cities {
		if ended[i] == nil {
			continue
		}
		if err := cities[i].waitForSshd(ended[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *city) path(name string) string { return filepath.Join(c.folder, name) }

func (c *city) writeSshdFiles(folder string, known *os.File) error {
	if err := writeKey(c.path("host_key"), c.host.name); err != nil {
		return err
	}
	public, err := os.ReadFile(c.path("host_key.pub"))
	if err != nil {
		return fmt.Errorf("read host key: %w", err)
	}
	if c.fault.Key == "wrong" { // another than the one that known_hosts gets
		if err := writeKey(c.path("host_key"), c.host.name); err != nil {
			return err
		}
	}
	names := append([]string(nil), c.host.names...)
	for _, a := range c.host.addrs {
		names = append(names, a.String())
	}
	if _, err := fmt.Fprintf(known, "%s %s", strings.Join(names, ","), public); err != nil {
		return fmt.Errorf("write known_hosts: %w", err)
	}
	key, err := os.ReadFile(filepath.Join(folder, "user_key.pub"))
	if err != nil {
		return fmt.Errorf("read the operator's key: %w", err)
	}
	if err := os.WriteFile(c.path("authorized_keys"), key, 0o600); err != nil {
		return fmt.Errorf("write authorized_keys: %w", err)
	}
	if c.fault.Shell != "" {
		if err := os.Symlink(c.fault.Shell, c.path("shell")); err != nil {
			return fmt.Errorf("put a shell in place: %w", err)
		}
	}
	if err := os.WriteFile(c.path("sshd_config"), []byte(c.sshdConfig()), 0o600); err != nil {
		return fmt.Errorf("write sshd_config: %w", err)
	}
	return nil
}

// sshdConfig is sshd_config(5). Session limits stay as they come: a client
// must get along with them. The cheap key exchange saves each login 0.1 s of
// processor time that fifty cities of one machine do not have.
func (c *city) sshdConfig() string {
	return strings.Join([]string{
		"ListenAddress 0.0.0.0",
		"ListenAddress [::]",
		"HostKey " + c.path("host_key"),
		"AuthorizedKeysFile " + c.path("authorized_keys"),
		"PidFile " + c.path("sshd.pid"),
		"SetEnv HOME=" + c.path("home"),
		"Subsystem sftp " + sftpServer(),
		"KexAlgorithms curve25519-sha256",
		"PasswordAuthentication no",
		"KbdInteractiveAuthentication no",
		"StrictModes no",
		"UsePAM no",
		"UseDNS no",
		"PrintMotd no",
		"PrintLastLog no",
		"MaxStartups 1000",
		"",
	}, "\n")
}

// sftpServer is run by the login shell, and so finds itself in the city's home;
// sshd's own would be in the home of passwd.
func sftpServer() string {
	for _, path := range []string{"/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server", "/usr/libexec/sftp-server"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return "internal-sftp"
}

func (c *city) startSshd(d *door, space namespace, sshd string) (<-chan syscall.WaitStatus, error) {
	log, err := os.Create(c.path("sshd.log"))
	if err != nil {
		return nil, fmt.Errorf("write sshd.log: %w", err)
	}
	defer log.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	_, ended, err := d.spawner.start(space, &task{
		argv: []string{sshd, "-D", "-e", "-f", c.path("sshd_config")}, env: cityEnv(c.path("home")), dir: "/",
		files: [3]*os.File{null, null, log}, nice: cityNice, group: ownGroup, hostname: c.host.name,
	})
	return ended, err
}

// sshdPatience is how long an sshd may take to listen; a hundredth is usual.
const sshdPatience = 20 * time.Second

// waitForSshd waits for the PID file, which sshd writes once it listens.
func (c *city) waitForSshd(ended <-chan syscall.WaitStatus) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(sshdPatience)
	defer deadline.Stop()
	for {
		if info, err := os.Stat(c.path("sshd.pid")); err == nil && info.Size() > 0 {
			return nil
		}
		var why string
		select {
		case <-tick.C:
			continue
		case <-ended:
			why = "it ended"
		case <-deadline.C:
			why = "it does not listen"
		}
		said, _ := os.ReadFile(c.path("sshd.log")) // the best there is to tell
		return fmt.Errorf("start sshd in %s: %s: %s", c.host.name, why, strings.TrimSpace(string(said)))
	}
}

// writeKey makes a key pair in the files of OpenSSH.
func writeKey(path, comment string) error {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	line, err := ssh.NewPublicKey(public)
	if err != nil {
		return fmt.Errorf("make key: %w", err)
	}
	err = errors.Join(
		os.WriteFile(path, pem.EncodeToMemory(block), 0o600),
		os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(line), 0o600))
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// clientFiles makes plain `ssh CITY` work in the lab, and leaves the person's
// own ~/.ssh alone.
func clientFiles(folder string) error {
	config := filepath.Join(folder, "ssh_config")
	text := strings.Join([]string{
		"Host *",
		"  IdentityFile " + filepath.Join(folder, "user_key"),
		"  IdentitiesOnly yes",
		"  UserKnownHostsFile " + filepath.Join(folder, "known_hosts"),
		"  GlobalKnownHostsFile /dev/null",
		"  StrictHostKeyChecking yes",
		"  UpdateHostKeys no",
		"",
	}, "\n")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return fmt.Errorf("write ssh_config: %w", err)
	}
	for _, name := range []string{"ssh", "scp", "sftp"} {
		program, err := findProgram(name)
		if err != nil {
			return err
		}
		wrapper := fmt.Sprintf("#!/bin/sh\nexec %s -F %s \"$@\"\n", quote(program), quote(config))
		if err := os.WriteFile(filepath.Join(folder, "bin", name), []byte(wrapper), 0o700); err != nil {
			return fmt.Errorf("write %s wrapper: %w", name, err)
		}
	}
	return nil
}
