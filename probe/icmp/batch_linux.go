package icmp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is room for some messages of sendmmsg or recvmmsg. It is allocated
// once and used for ever.
type batch struct {
	headers []unix.Mmsghdr
	vectors []unix.Iovec
	names   []unix.RawSockaddrInet6 // holds the smaller sockaddr_in as well
	data    []byte
	control []byte
	size    int // bytes of data a message
	notes   int // bytes of control a message
}

func newBatch(messages, size, notes int) *batch {
	b := &batch{
		headers: make([]unix.Mmsghdr, messages),
		vectors: make([]unix.Iovec, messages),
		names:   make([]unix.RawSockaddrInet6, messages),
		data:    make([]byte, messages*size),
		control: make([]byte, messages*notes+1),
		size:    size, notes: notes,
	}
	for i := range b.headers {
		h := &b.headers[i].Hdr
		b.vectors[i].Base = &b.data[i*size]
		b.vectors[i].SetLen(size)
		h.Iov = &b.vectors[i]
		h.SetIovlen(1)
		h.Control = &b.control[i*notes]
	}
	b.clear(messages)
	return b
}

// clear makes the first n messages ready to be received into again: the kernel
// writes the lengths that it used over those that there are.
func (b *batch) clear(n int) {
	for i := range n {
		h := &b.headers[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&b.names[i]))
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(b.notes)
		h.Flags = 0
	}
}

// packet is the data of message i. A message that did not fit is as long as
// its room, which no message that is expected fills.
func (b *batch) packet(i int) []byte {
	return b.data[i*b.size : i*b.size+min(b.size, int(b.headers[i].Len))]
}

// room is where the data of message i goes.
func (b *batch) room(i int) []byte { return b.data[i*b.size : (i+1)*b.size] }

func (b *batch) said(i int) []byte {
	return b.control[i*b.notes : i*b.notes+min(b.notes, int(b.headers[i].Hdr.Controllen))]
}

func (b *batch) name(i int) []byte {
	all := (*[unix.SizeofSockaddrInet6]byte)(unsafe.Pointer(&b.names[i]))
	return all[:min(len(all), int(b.headers[i].Hdr.Namelen))]
}

// address aims message i.
func (b *batch) address(i int, to *unix.RawSockaddrInet6, length uint32) {
	h := &b.headers[i].Hdr
	h.Name, h.Namelen = (*byte)(unsafe.Pointer(to)), length
}

// receive fills the batch, without waiting. The calls do not tell Go's
// scheduler that they are system calls: they never block, and telling it costs
// as much as the call.
func (b *batch) receive(fd, flags int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])),
		uintptr(len(b.headers)), uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// send sends messages from up to but not including to, and says how many went.
// An error belongs to the first that did not.
func (b *batch) send(fd, from, to int) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[from])),
		uintptr(to-from), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// readErrors hands over what is in a socket's error queue: send stamps to
// departed and ICMP errors to refused, with the time when they were read. It says
// whether there were any of the latter.
func (b *batch) readErrors(fd int, clock *timeline, departed func(packet []byte, n notes, now int64),
	refused func(packet, name []byte, n notes, now int64)) (errors bool) {
	for range mostBatches {
		n, err := b.receive(fd, unix.MSG_ERRQUEUE)
		if err != nil {
			break
		}
		now := clock.now()
		for i := range n {
			said := parseNotes(b.said(i))
			switch said.failure.Origin {
			case unix.SO_EE_ORIGIN_TIMESTAMPING:
				departed(b.packet(i), said, now)
			case unix.SO_EE_ORIGIN_ICMP, unix.SO_EE_ORIGIN_ICMP6:
				errors = true
				refused(b.packet(i), b.name(i), said, now)
			}
		}
		b.clear(n)
		if n < messages {
			break
		}
	}
	return errors
}
