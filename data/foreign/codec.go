package foreign

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"matrix/probe"
)

// record is a reading on its way through the spool.
type record struct {
	key  int64 // of its round
	file int
	reading
}

// wholeFile is the first key of files that are one round each; times come long
// after it.
const wholeFile = math.MinInt64

// noTime stands for a time that is not known.
const noTime = math.MinInt64

// append encodes all of a record but its key.
func (r *record) append(b []byte) []byte {
	s := &r.sample
	for _, n := range []int{r.file, r.from, r.to, int(s.State), s.Sent, s.Received, s.TTL, s.Odd.Duplicates} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = append(b, flag(s.Cut))
	b = appendTime(b, s.At)
	b = appendTime(b, r.group)
	address, _ := s.Address.MarshalBinary() // it never fails
	b = appendBytes(b, address)
	b = appendBytes(b, []byte(s.Reason))
	b = binary.AppendUvarint(b, uint64(len(s.RTTs)))
	for _, d := range s.RTTs {
		b = binary.AppendUvarint(b, uint64(d))
	}
	for _, stat := range stats {
		d, known := s.Imported.Get(stat)
		b = append(b, flag(known))
		if known {
			b = binary.AppendUvarint(b, uint64(d))
		}
	}
	return b
}

var stats = []probe.Stat{probe.Min, probe.Median, probe.Avg, probe.Max, probe.Mdev, probe.Jitter}

func flag(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func appendTime(b []byte, t time.Time) []byte {
	n := int64(noTime)
	if !t.IsZero() {
		n = t.UnixNano()
	}
	return binary.AppendVarint(b, n)
}

func appendBytes(b, text []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// decoder takes apart what append made; it keeps the first error.
type decoder struct {
	rest []byte
	err  error
}

var errDamaged = errors.New("the temporary file is damaged")

func (d *decoder) uint() int {
	n, size := binary.Uvarint(d.rest)
	if size <= 0 {
		d.err, d.rest = errDamaged, nil
		return 0
	}
	d.rest = d.rest[size:]
	return int(n)
}

func (d *decoder) time() time.Time {
	n, size := binary.Varint(d.rest)
	if size <= 0 {
		d.err, d.rest = errDamaged, nil
		return time.Time{}
	}
	d.rest = d.rest[size:]
	if n == noTime {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.err, d.rest = errDamaged, nil
		return nil
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) flag() bool {
	b := d.bytes(1)
	return len(b) == 1 && b[0] == 1
}

// decode is the record whose encoding this is.
func decode(key int64, b []byte) (record, error) {
	d := &decoder{rest: b}
	r := record{key: key, file: d.uint(), reading: reading{from: d.uint(), to: d.uint()}}
	s := &r.sample
	s.State = probe.State(d.uint())
	s.Sent, s.Received, s.TTL, s.Odd.Duplicates = d.uint(), d.uint(), d.uint(), d.uint()
	s.Cut = d.flag()
	s.At, r.group = d.time(), d.time()
	if err := s.Address.UnmarshalBinary(d.bytes(d.uint())); err != nil {
		return r, errors.Join(errDamaged, err)
	}
	s.Reason = string(d.bytes(d.uint()))
	n := d.uint()
	if n > len(d.rest) {
		return r, errDamaged
	}
	if n > 0 {
		s.RTTs = make([]time.Duration, n)
	}
	for i := range s.RTTs {
		s.RTTs[i] = time.Duration(d.uint())
	}
	for _, stat := range stats {
		if d.flag() {
			s.Imported.Set(stat, time.Duration(d.uint()))
		}
	}
	return r, d.err
}
