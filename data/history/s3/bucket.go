package s3

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"

	"matrix/data/history"
)

// Bucket is a store in a bucket.
type Bucket struct {
	client   *minio.Client
	endpoint *url.URL
	at       Location
	options  Options
	cache    *cache

	mu    sync.Mutex
	known map[string]state // objects that were listed or put
}

var _ history.Store = (*Bucket)(nil)

// state is what is known of an object, which never changes.
type state struct {
	size int64
	etag string
}

// Open is the store at a location. Nothing is asked of the server yet.
func Open(at Location, o Options) (*Bucket, error) {
	o.fill()
	client, endpoint, err := connect(&o)
	if err != nil {
		return nil, fmt.Errorf("%v: %w", at, err)
	}
	return &Bucket{
		client: client, endpoint: endpoint, at: at, options: o,
		cache: newCache(o.Cache, o.CacheBytes), known: make(map[string]state),
	}, nil
}

// Name is a name for the store that a file system takes: another for each
// endpoint, bucket and prefix.
func (b *Bucket) Name() string {
	return strings.NewReplacer(":", "_", "[", "", "]", "").Replace(b.endpoint.Host) + "%2F" + b.at.Bucket + url.PathEscape("/"+b.at.Prefix)
}

// Where is an object's address.
func (b *Bucket) Where(key string) string {
	if key == "" {
		return b.at.String()
	}
	return b.at.String() + "/" + key
}

// object is an object's key in its bucket.
func (b *Bucket) object(key string) string { return path.Join(b.at.Prefix, key) }

func (b *Bucket) learn(key string, s state) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.known[key] = s
}

// List asks what is directly below a prefix.
func (b *Bucket) List(ctx context.Context, folder string) ([]history.Entry, error) {
	prefix := b.object(folder)
	if prefix != "" {
		prefix += "/"
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // the library's goroutine, if we leave early
	var entries []history.Entry
	for found := range b.client.ListObjects(ctx, b.at.Bucket, minio.ListObjectsOptions{Prefix: prefix}) {
		if found.Err != nil {
			return nil, b.explain("list", folder, found.Err)
		}
		name, ok := strings.CutPrefix(found.Key, prefix)
		name, isFolder := strings.CutSuffix(name, "/")
		if !ok || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			continue // the prefix itself, as some programs make folders; or nothing that could be a name
		}
		entries = append(entries, history.Entry{Name: name, Folder: isFolder, Size: found.Size, Modified: found.LastModified})
		if !isFolder {
			b.learn(path.Join(folder, name), state{found.Size, found.ETag})
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, b.explain("list", folder, err)
	}
	slices.SortFunc(entries, func(a, b history.Entry) int { return cmp.Compare(a.Name, b.Name) })
	return entries, nil
}

// Open opens an object. One that was listed is not asked for.
func (b *Bucket) Open(ctx context.Context, key string) (history.File, error) {
	b.mu.Lock()
	s, known := b.known[key]
	b.mu.Unlock()
	if !known {
		info, err := b.client.StatObject(ctx, b.at.Bucket, b.object(key), minio.StatObjectOptions{})
		if err != nil {
			return nil, b.explain("read", key, err)
		}
		s = state{info.Size, info.ETag}
		b.learn(key, s)
	}
	return &object{ctx: ctx, bucket: b, key: key, state: s}, nil
}

// Delete removes objects, a thousand in a request.
func (b *Bucket) Delete(ctx context.Context, keys ...string) error {
	objects := make(chan minio.ObjectInfo, len(keys))
	for _, key := range keys {
		objects <- minio.ObjectInfo{Key: b.object(key)}
	}
	close(objects)
	var failed error
	for r := range b.client.RemoveObjects(ctx, b.at.Bucket, objects, minio.RemoveObjectsOptions{}) {
		key := strings.TrimPrefix(strings.TrimPrefix(r.ObjectName, b.at.Prefix), "/")
		if err := b.explain("remove", key, r.Err); !errors.Is(err, fs.ErrNotExist) {
			failed = cmp.Or(failed, err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, key := range keys {
		delete(b.known, key)
	}
	return failed
}

// Fresh has a cache of its own, with nothing in it.
func (b *Bucket) Fresh() (history.Store, io.Closer, error) {
	dir, err := b.cache.private()
	if err != nil {
		return nil, nil, err
	}
	fresh := &Bucket{client: b.client, endpoint: b.endpoint, at: b.at, options: b.options, cache: newCache(dir, b.options.CacheBytes), known: make(map[string]state)}
	return fresh, remover(dir), nil
}

// remover removes a folder when it is closed.
type remover string

func (dir remover) Close() error { return os.RemoveAll(string(dir)) }
