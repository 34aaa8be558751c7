package s3

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

// object is an open object.
type object struct {
	ctx    context.Context // of whoever opened it
	bucket *Bucket
	key    string
	state
}

func (o *object) Size() int64  { return o.size }
func (o *object) Close() error { return nil }

// blockSize is how much of an object is asked for at once. Most rounds are
// smaller.
const blockSize = 4 << 20

// ReadAt reads from the cache, into which it gets what is missing.
func (o *object) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fmt.Errorf("read %s: at %d", o.bucket.Where(o.key), at)
	}
	for n < len(p) && at < o.size {
		index := at / blockSize
		begin := index * blockSize
		block := block{name: o.block(index), size: min(blockSize, o.size-begin)}
		want := p[n:min(int64(len(p)), int64(n)+begin+block.size-at)]
		err := o.bucket.cache.read(o.ctx, block, want, at-begin, func() ([]byte, error) { return o.fetch(begin, block.size) })
		if err != nil {
			return n, err
		}
		n += len(want)
		at += int64(len(want))
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// block names a block: the object's address and ETag, and which it is.
func (o *object) block(index int64) string {
	b := o.bucket
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%s\n%s\n%d", b.endpoint.Host, b.at.Bucket, b.object(o.key), o.etag, o.size))
	return fmt.Sprintf("%x-%d", sum[:16], index)
}

// fetch gets a part of the object. What a connection cut short is asked for
// again, a few times.
func (o *object) fetch(at, size int64) (data []byte, err error) {
	for try := range o.bucket.options.Tries {
		if try > 0 {
			if err := pause(o.ctx, time.Duration(try)*200*time.Millisecond); err != nil {
				break
			}
		}
		if data, err = o.get(at, size); err == nil {
			return data, nil
		}
		if minio.ToErrorResponse(err).StatusCode != 0 {
			break // an answer, if not the one that was wanted
		}
	}
	return nil, o.bucket.explain("read", o.key, errors.Join(err, o.ctx.Err()))
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (o *object) get(at, size int64) (data []byte, err error) {
	var options minio.GetObjectOptions
	if err := errors.Join(options.SetRange(at, at+size-1), options.SetMatchETag(o.etag)); err != nil {
		return nil, err
	}
	core := minio.Core{Client: o.bucket.client}
	body, _, _, err := core.GetObject(o.ctx, o.bucket.at.Bucket, o.bucket.object(o.key), options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	data = make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, err
	}
	return data, nil
}
