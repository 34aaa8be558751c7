package bus

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/nats-io/nats.go"

	"matrix/probe"
)

// A job names every target, which for a thousand is 60 kB to each of a thousand
// hosts. An agent says when it is asked for a conversation that it can unpack
// lines; one that says nothing gets them as they are.
const (
	packing = "zstd"
	// packFrom is from how many bytes a line is worth packing.
	packFrom = 1 << 10
	// mostUnpacked bounds what a packed line may become: more than the far side of
	// probe/wire reads.
	mostUnpacked = 4 << 20
)

var packer = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10))
})

var unpacker = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(mostUnpacked), zstd.WithDecoderLowmem(true))
})

// packLine packs a message's line.
func packLine(m *nats.Msg) error {
	e, err := packer()
	if err != nil {
		return err
	}
	m.Data = e.EncodeAll(m.Data, nil)
	m.Header.Set(headerPacked, packing)
	return nil
}

// unpackLine is a message's line, whether it was packed or not.
func unpackLine(m *nats.Msg) ([]byte, error) {
	switch how := m.Header.Get(headerPacked); how {
	case "":
		return m.Data, nil
	case packing:
	default:
		return nil, fmt.Errorf("a line is packed in a way that this agent does not know: %q", probe.Clean(how, 40))
	}
	d, err := unpacker()
	if err != nil {
		return nil, err
	}
	line, err := d.DecodeAll(m.Data, nil)
	if err != nil {
		return nil, fmt.Errorf("unpack a line: %w", err)
	}
	return line, nil
}
