package s3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/minio/minio-go/v7"
)

// partSize is how much is uploaded in one request: of a larger object there are
// parts of so much, or of more if there would be too many (Amazon takes 10,000).
const (
	partSize  = 16 << 20
	mostParts = 9000
)

// Put uploads an object in one request, or in parts that become an object
// together at the end.
func (b *Bucket) Put(ctx context.Context, key string, content io.ReaderAt, size int64) error {
	upload := b.putWhole
	if size > partSize {
		upload = b.putParts
	}
	err := upload(ctx, key, content, size)
	if code := minio.ToErrorResponse(err).Code; err != nil && (code == minio.PreconditionFailed || code == "ConditionalRequestConflict") {
		return fmt.Errorf("%s: %w", b.Where(key), fs.ErrExist)
	}
	return b.explain("write", key, err)
}

// putOptions are those of every object: it must not be there.
func putOptions() minio.PutObjectOptions {
	o := minio.PutObjectOptions{ContentType: "application/vnd.apache.parquet", SendContentMd5: true, DisableMultipart: true}
	o.SetMatchETagExcept("*")
	return o
}

func (b *Bucket) putWhole(ctx context.Context, key string, content io.ReaderAt, size int64) error {
	_, err := b.client.PutObject(ctx, b.at.Bucket, b.object(key), io.NewSectionReader(content, 0, size), size, putOptions())
	return err
}

// putParts does what the library would, but for the condition, which it forgets
// when parts become an object.
func (b *Bucket) putParts(ctx context.Context, key string, content io.ReaderAt, size int64) (err error) {
	core, object := minio.Core{Client: b.client}, b.object(key)
	id, err := core.NewMultipartUpload(ctx, b.at.Bucket, object, minio.PutObjectOptions{ContentType: putOptions().ContentType})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.abort(ctx, object, id)
		}
	}()
	step := max(partSize, (size+mostParts-1)/mostParts)
	var parts []minio.CompletePart
	for at := int64(0); at < size; at += step {
		n := min(step, size-at)
		part, err := b.putPart(ctx, object, id, len(parts)+1, io.NewSectionReader(content, at, n))
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	_, err = core.CompleteMultipartUpload(ctx, b.at.Bucket, object, id, parts, putOptions())
	return err
}

func (b *Bucket) putPart(ctx context.Context, object, id string, number int, content *io.SectionReader) (minio.CompletePart, error) {
	sum := md5.New()
	n, err := io.Copy(sum, content)
	if err == nil && n < content.Size() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return minio.CompletePart{}, fmt.Errorf("read what is to be uploaded: %w", err)
	}
	core := minio.Core{Client: b.client}
	part, err := core.PutObjectPart(ctx, b.at.Bucket, object, id, number, content, content.Size(),
		minio.PutObjectPartOptions{Md5Base64: base64.StdEncoding.EncodeToString(sum.Sum(nil))})
	return minio.CompletePart{PartNumber: number, ETag: part.ETag}, err
}

// abort has the parts of an upload removed that will not be finished. Where
// that fails as well they lie there, unseen, until the bucket's rules remove them.
func (b *Bucket) abort(ctx context.Context, object, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), min(b.options.Stall, 5*time.Second))
	defer cancel()
	core := minio.Core{Client: b.client}
	_ = core.AbortMultipartUpload(ctx, b.at.Bucket, object, id) // why it failed is told by what came before
}
