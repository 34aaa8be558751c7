package lab

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ring's shape: 16 MB, half a second of full load. TPACKET_V2 rather than
// V3, whose blocks are handed over only when full or at a time-out.
const (
	frameSize  = 2048 // a 1500-byte packet and its 66 bytes of headers
	frameCount = 8192
	blockSize  = 1 << 20
)

// ring reads all packets of a network namespace through shared memory.
type ring struct {
	fd     int
	frames []byte
	next   int
}

// openRing opens a packet socket on all devices of the thread's namespace.
func openRing() (*ring, error) {
	// Protocol 0: nothing arrives before the ring is ready and bound.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	set := func(level, option, value int) {
		if err == nil {
			err = unix.SetsockoptInt(fd, level, option, value)
		}
	}
	set(unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V2)
	set(unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	// Makes the kernel stamp packets as they enter the device, before they
	// wait for their turn in the softirq.
	set(unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if err == nil {
		err = unix.SetsockoptTpacketReq(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq{
			Block_size: blockSize,
			Block_nr:   frameSize * frameCount / blockSize,
			Frame_size: frameSize,
			Frame_nr:   frameCount,
		})
	}
	var memory []byte
	if err == nil {
		memory, err = unix.Mmap(fd, 0, frameSize*frameCount, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	}
	if err == nil {
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: htons(unix.ETH_P_ALL)})
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("set up packet ring: %w", err)
	}
	return &ring{fd: fd, frames: memory}, nil
}

// frame is one packet in the ring; bytes are the ring's own.
type frame struct {
	bytes   []byte
	device  int   // interface index
	arrived int64 // wall clock, nanoseconds
}

// take is the next packet, if there is one; release gives it back.
func (r *ring) take() (frame, bool) {
	slot := r.frames[r.next*frameSize:][:frameSize]
	h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&slot[0]))
	if atomic.LoadUint32(&h.Status)&unix.TP_STATUS_USER == 0 {
		return frame{}, false
	}
	const linkLayer = (unix.SizeofTpacket2Hdr + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)
	from := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&slot[linkLayer]))
	f := frame{device: int(from.Ifindex), arrived: int64(h.Sec)*1e9 + int64(h.Nsec)}
	// A packet longer than its frame would be cut: not whole, not for parse.
	if start := int(h.Net); start+int(h.Snaplen) <= frameSize && h.Snaplen == h.Len {
		f.bytes = slot[start : start+int(h.Snaplen)]
	}
	return f, true
}

func (r *ring) release() {
	h := (*unix.Tpacket2Hdr)(unsafe.Pointer(&r.frames[r.next*frameSize]))
	atomic.StoreUint32(&h.Status, unix.TP_STATUS_KERNEL)
	r.next = (r.next + 1) % frameCount
}

// drops is how many packets found the ring full since it was asked last.
func (r *ring) drops() uint64 {
	stats, err := unix.GetsockoptTpacketStats(r.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return uint64(stats.Drops)
}

// openSender opens the socket through which the engine delivers.
func openSender() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("open packet socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("bypass the queueing discipline: %w", err)
	}
	return fd, nil
}

func htons(v uint16) uint16 { return v<<8 | v>>8 }
