package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"runtime"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// namespace is a network namespace, held open.
type namespace struct{ fd int }

// currentNamespace is that of the thread.
func currentNamespace() (namespace, error) {
	fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return namespace{}, fmt.Errorf("open network namespace: %w", err)
	}
	return namespace{fd}, nil
}

// enter moves the thread, which must be locked, into the namespace.
func (n namespace) enter() error {
	if err := unix.Setns(n.fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// inside runs f on a thread of its own in the namespace.
func (n namespace) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		err := n.enter()
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// port is the lab's end of a host's cable.
type port struct {
	index int              // interface index in the hub
	mac   net.HardwareAddr // of the host's end, to which packets are sent
}

const hostDevice = "eth0"

// buildHosts makes a namespace for every host and joins it to the thread's
// own, the hub. The thread must be locked; it ends up in the hub again.
//
// The hub's kernel has no address and takes no part: the hosts' devices do no
// ARP and send to their own MAC address, so that it takes every packet for a
// stranger's and leaves it to the engine.
func buildHosts(n *network) ([]namespace, []port, error) {
	hub, err := currentNamespace()
	if err != nil {
		return nil, nil, err
	}
	// Only the hosts' kernels speak IPv6; the hub's would announce itself.
	if err := writeSysctls(map[string]string{"ipv6/conf/default/disable_ipv6": "1"}); err != nil {
		return nil, nil, err
	}
	wires, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("open netlink: %w", err)
	}
	defer wires.Close()
	namespaces, ports := make([]namespace, len(n.hosts)), make([]port, len(n.hosts))
	for i := range n.hosts {
		if namespaces[i], ports[i], err = buildHost(n, i, wires); err != nil {
			return nil, nil, fmt.Errorf("set up %s: %w", n.hosts[i].name, err)
		}
		if err := hub.enter(); err != nil {
			return nil, nil, err
		}
	}
	return namespaces, ports, awaitCables(wires, len(ports))
}

// awaitCables waits until the kernel has got round to the cables: a device that
// was just turned on drops what it is given until then. Of a cable, the hub's
// end comes last.
func awaitCables(wires *netlink.Handle, cables int) error {
	const patience, pause = 10 * time.Second, time.Millisecond
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(pause) {
		links, err := wires.LinkList()
		if err != nil {
			return fmt.Errorf("list cables: %w", err)
		}
		up := 0
		for _, link := range links {
			if link.Type() == "veth" && link.Attrs().OperState == netlink.OperUp {
				up++
			}
		}
		if up >= cables {
			return nil
		}
	}
	return fmt.Errorf("the cables are not up after %v", patience)
}

// buildHost leaves the thread in the new host's namespace.
func buildHost(n *network, i int, wires *netlink.Handle) (namespace, port, error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return namespace{}, port{}, fmt.Errorf("make network namespace: %w", err)
	}
	space, err := currentNamespace()
	if err != nil {
		return space, port{}, err
	}
	if err := writeSysctls(hostSysctls()); err != nil {
		return space, port{}, err
	}
	// Locally administered; the last bytes are the host's number.
	mac := net.HardwareAddr{0x02, 'l', 'a', 'b', byte(i >> 8), byte(i)}
	cable := &netlink.Veth{
		LinkAttrs:        netlink.LinkAttrs{Name: fmt.Sprintf("h%d", i), TxQLen: 1000},
		PeerName:         hostDevice,
		PeerHardwareAddr: mac,
		PeerNamespace:    netlink.NsFd(space.fd),
	}
	if err := wires.LinkAdd(cable); err != nil {
		return space, port{}, fmt.Errorf("add cable: %w", err)
	}
	if err := wires.LinkSetUp(cable); err != nil {
		return space, port{}, fmt.Errorf("plug in cable: %w", err)
	}
	return space, port{cable.Index, mac}, configureHost(n.hosts[i].addrs)
}

// configureHost sets up the thread's namespace as a host: its addresses as
// they are, everything else over the cable.
func configureHost(addrs []netip.Addr) error {
	local, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return fmt.Errorf("open netlink: %w", err)
	}
	defer local.Close()
	loopback, err := local.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("find loopback: %w", err)
	}
	device, err := local.LinkByName(hostDevice)
	if err != nil {
		return fmt.Errorf("find %s: %w", hostDevice, err)
	}
	if err := turnOffOffloads(); err != nil {
		return err
	}
	for _, step := range []error{local.LinkSetUp(loopback), local.LinkSetARPOff(device), local.LinkSetUp(device)} {
		if step != nil {
			return fmt.Errorf("bring up devices: %w", step)
		}
	}
	routed := map[bool]bool{}
	for _, a := range addrs {
		if a.Is6() && !hasIPv6() {
			continue
		}
		whole := &net.IPNet{IP: a.AsSlice(), Mask: net.CIDRMask(a.BitLen(), a.BitLen())}
		if err := local.AddrAdd(device, &netlink.Addr{IPNet: whole, Flags: addrFlags(a)}); err != nil {
			return fmt.Errorf("add address %v: %w", a, err)
		}
		if routed[a.Is6()] {
			continue
		}
		routed[a.Is6()] = true
		all := &net.IPNet{IP: make(net.IP, a.BitLen()/8), Mask: net.CIDRMask(0, a.BitLen())}
		route := &netlink.Route{LinkIndex: device.Attrs().Index, Dst: all, Scope: netlink.SCOPE_LINK, Src: a.AsSlice()}
		if err := local.RouteAdd(route); err != nil {
			return fmt.Errorf("add default route: %w", err)
		}
	}
	return nil
}

// addrFlags spares IPv6 addresses the wait for duplicate detection.
func addrFlags(a netip.Addr) int {
	if a.Is6() {
		return unix.IFA_F_NODAD
	}
	return 0
}

// turnOffOffloads makes the host's kernel finish its packets itself. A virtual
// cable otherwise carries segments of 64 KB whose checksums nobody has
// computed: pings look fine while TCP fails.
func turnOffOffloads() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket: %w", err)
	}
	defer unix.Close(fd)
	for _, command := range []uint32{unix.ETHTOOL_STXCSUM, unix.ETHTOOL_SSG, unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO} {
		value := struct{ command, data uint32 }{command, 0} // struct ethtool_value
		request := struct {                                 // struct ifreq
			name [unix.IFNAMSIZ]byte
			data unsafe.Pointer
			_    [16]byte
		}{data: unsafe.Pointer(&value)}
		copy(request.name[:], hostDevice)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		if errno != 0 && errno != unix.EOPNOTSUPP {
			return fmt.Errorf("turn off offload %#x: %w", command, errno)
		}
	}
	return nil
}

func hasIPv6() bool {
	_, err := os.Stat("/proc/sys/net/ipv6")
	return err == nil
}

// hostSysctls make a host answer as fast as it is asked, and let its ordinary
// user ping.
func hostSysctls() map[string]string {
	groups := "0 2147483647"
	if os.Getuid() != 0 {
		// Only groups that the user namespace knows can be written.
		groups = fmt.Sprintf("%d %d", os.Getgid(), os.Getgid())
	}
	return map[string]string{
		"ipv4/ping_group_range":                  groups,
		"ipv4/ip_unprivileged_port_start":        "0",
		"ipv4/icmp_ratelimit":                    "0",
		"ipv6/icmp/ratelimit":                    "0",
		"ipv6/conf/default/accept_ra":            "0",
		"ipv6/conf/default/router_solicitations": "0",
		"ipv6/conf/default/addr_gen_mode":        "1", // no link-local address
		"ipv6/conf/default/disable_ipv6":         "0",
	}
}

// writeSysctls sets values below /proc/sys/net of the thread's namespace.
func writeSysctls(values map[string]string) error {
	for name, value := range values {
		err := setSysctl("/proc/sys/net/"+name, value)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			continue // a kernel without IPv6, or older than the setting
		}
		return fmt.Errorf("set net/%s: %w", name, err)
	}
	return nil
}

func setSysctl(path, value string) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(value)
	return err
}
