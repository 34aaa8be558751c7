package pingtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// World is a network in which everybody is played by the test: every echo
// request that leaves is given to it, and it answers as it likes. It is a cable
// whose other end is in the test's hand.
type World struct {
	place  place
	cable  *os.File
	answer func(Request)
	pause  sync.WaitGroup // replies that are still held
	done   chan struct{}

	carried [256]atomic.Int64 // IPv4 packets from the engine's host by protocol, echo requests as well
}

// place is where a cable ends in the engine's host.
type place struct {
	near, far string
	own       []netip.Addr
}

// Where the engine is, and whom it can ping: 198.18.0.0/15 (RFC 2544) and
// fd00:99::/64. There is no route to anywhere else.
var (
	Here4 = netip.MustParseAddr("198.18.0.1")
	Here6 = netip.MustParseAddr("fd00:99::1")

	// Also are further addresses of the same interface, and Side those of the
	// interface of a second world, by which the same targets can be reached.
	Also4 = netip.MustParseAddr("198.18.0.9")
	Also6 = netip.MustParseAddr("fd00:99::9")
	Side4 = netip.MustParseAddr("198.18.0.2")
	Side6 = netip.MustParseAddr("fd00:99::2")
)

// The interfaces of the engine's host.
const (
	Near = "near"
	Side = "side"
)

// There is target n, of either family.
func There(n int, v6 bool) netip.Addr {
	if v6 {
		a := Here6.As16()
		binary.BigEndian.PutUint16(a[12:], uint16(n+1))
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{198, 19, byte(n >> 8), byte(n)})
}

var (
	nearMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	farMAC  = net.HardwareAddr{2, 0, 0, 0, 0, 2}
)

// NewWorld makes one, in the namespace of a test that is inside.
func NewWorld(t *testing.T, answer func(Request)) *World {
	t.Helper()
	return newWorld(t, place{Near, "far", []netip.Addr{Here4, Here6, Also4, Also6}}, answer)
}

// NewSideWorld makes a second one, at the interface Side. No route leads there
// as long as there is another world.
func NewSideWorld(t *testing.T, answer func(Request)) *World {
	t.Helper()
	return newWorld(t, place{Side, "beyond", []netip.Addr{Side4, Side6}}, answer)
}

func newWorld(t *testing.T, at place, answer func(Request)) *World {
	t.Helper()
	w := &World{place: at, answer: answer, done: make(chan struct{})}
	for _, step := range []func() error{w.build, w.open, w.awaitLink} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	go w.serve()
	t.Cleanup(func() {
		w.pause.Wait()
		w.cable.Close()
		<-w.done
		if link, err := netlink.LinkByName(at.near); err == nil {
			_ = netlink.LinkDel(link)
		}
	})
	return w
}

// Carried is how many IPv4 packets of a protocol the engine's host has sent by
// this cable.
func (w *World) Carried(protocol byte) int { return int(w.carried[protocol].Load()) }

// Loopback turns the loopback device on, and lets this group open ping sockets.
func Loopback(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	if err == nil {
		err = netlink.LinkSetUp(lo)
	}
	group := fmt.Sprintf("%d %d", os.Getgid(), os.Getgid())
	if err := errors.Join(err, os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte(group), 0)); err != nil {
		t.Fatal(err)
	}
}

func (w *World) build() error {
	near := &netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: w.place.near, HardwareAddr: nearMAC, TxQLen: 1000},
		PeerName:  w.place.far, PeerHardwareAddr: farMAC,
	}
	if err := netlink.LinkAdd(near); err != nil {
		return fmt.Errorf("add cable: %w", err)
	}
	far, err := netlink.LinkByName(w.place.far)
	if err != nil {
		return err
	}
	for _, link := range []netlink.Link{near, far} {
		if err := errors.Join(netlink.LinkSetARPOff(link), netlink.LinkSetUp(link)); err != nil {
			return fmt.Errorf("plug in cable: %w", err)
		}
	}
	for _, address := range w.place.own {
		prefix := "/15"
		if address.Is6() {
			prefix = "/64"
		}
		a, err := netlink.ParseAddr(address.String() + prefix)
		if err != nil {
			return err
		}
		a.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(near, a); err != nil {
			return fmt.Errorf("add address %v: %w", address, err)
		}
	}
	// Answers come by the cable that was asked by, whatever the routes say.
	return os.WriteFile("/proc/sys/net/ipv4/conf/"+w.place.near+"/rp_filter", []byte("0"), 0)
}

func (w *World) open() error {
	all := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return fmt.Errorf("open the far end: %w", err)
	}
	w.cable = os.NewFile(uintptr(fd), "far end of the cable")
	far, err := net.InterfaceByName(w.place.far)
	if err != nil {
		return err
	}
	for _, option := range []int{unix.SO_RCVBUF, unix.SO_RCVBUFFORCE} {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 64<<20)
	}
	return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: far.Index})
}

// awaitLink waits until a packet of either family crosses the cable: a device
// that was just turned on drops what it is given until the kernel has got round
// to it, which takes a busy machine up to a second.
func (w *World) awaitLink() error {
	for _, v6 := range []bool{false, true} {
		to := netip.AddrPortFrom(There(0, v6), 9) // discard
		from, err := (&net.Dialer{Control: w.byCable}).Dial("udp", to.String())
		if err != nil {
			return err
		}
		err = w.awaitFrame(from, []byte("is anybody there?"))
		if err = errors.Join(err, from.Close()); err != nil {
			return fmt.Errorf("wait for the cable: %w", err)
		}
	}
	return w.cable.SetReadDeadline(time.Time{})
}

// byCable ties a socket to the cable.
func (w *World) byCable(_, _ string, conn syscall.RawConn) error {
	var tied error
	err := conn.Control(func(fd uintptr) { tied = unix.BindToDevice(int(fd), w.place.near) })
	return errors.Join(err, tied)
}

func (w *World) awaitFrame(from io.Writer, text []byte) error {
	frame := make([]byte, 1<<16)
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if _, err := from.Write(text); err != nil {
			return err
		}
		if err := w.cable.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			return err
		}
		for {
			n, err := w.cable.Read(frame)
			if err != nil {
				break // nothing yet
			}
			if bytes.Contains(frame[:n], text) {
				return nil
			}
		}
	}
	return errors.New("nothing comes through")
}

func (w *World) serve() {
	defer close(w.done)
	frame := make([]byte, 1<<16)
	for {
		n, err := w.cable.Read(frame)
		if errors.Is(err, os.ErrClosed) || errors.Is(err, io.EOF) {
			return
		}
		if err == nil && n > 14+20 && frame[14]>>4 == 4 {
			w.carried[frame[14+9]].Add(1)
		}
		if err == nil && n > 14 {
			if r, ok := readRequest(frame[14:n]); ok {
				r.world = w
				w.answer(r)
			}
		}
	}
}

// send delivers an IP packet to the engine's host.
func (w *World) send(packet []byte) {
	frame := append(append([]byte{}, nearMAC...), farMAC...)
	kind := uint16(unix.ETH_P_IP)
	if packet[0]>>4 == 6 {
		kind = unix.ETH_P_IPV6
	}
	frame = binary.BigEndian.AppendUint16(frame, kind)
	_, _ = w.cable.Write(append(frame, packet...))
}

// After does something later; the world does not end before.
func (w *World) After(d time.Duration, do func()) {
	w.pause.Add(1)
	time.AfterFunc(d, func() {
		defer w.pause.Done()
		do()
	})
}
