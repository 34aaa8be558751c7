package s3

import (
	"fmt"
	"io/fs"
	"strings"
)

// scheme is what the name of a bucket begins with where folders may stand too.
const scheme = "s3://"

// Location is a place in a bucket.
type Location struct {
	Bucket string
	Prefix string // with slashes; neither the first nor the last; "" is the whole bucket
}

// IsLocation says whether a text is meant as one.
func IsLocation(text string) bool { return strings.HasPrefix(text, scheme) }

// isBucketName is Amazon's rule, with the capitals and underscores of old buckets.
func isBucketName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return len(name) >= 3 && len(name) <= 255 && !strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune(letters+"._-", r) }) && !strings.Contains(name, "..") &&
		strings.ContainsAny(name[:1], letters) && strings.ContainsAny(name[len(name)-1:], letters)
}

// ParseLocation reads s3://bucket/prefix.
func ParseLocation(text string) (Location, error) {
	rest, ok := strings.CutPrefix(text, scheme)
	bucket, prefix, _ := strings.Cut(rest, "/")
	l := Location{Bucket: bucket, Prefix: strings.TrimSuffix(prefix, "/")}
	if !ok || !isBucketName(bucket) {
		return l, fmt.Errorf("%q: want s3://BUCKET or s3://BUCKET/PREFIX", text)
	}
	if l.Prefix != "" && (!fs.ValidPath(l.Prefix) || strings.ContainsFunc(l.Prefix, func(r rune) bool { return r < ' ' || r == 0x7f })) {
		return l, fmt.Errorf("%q: its prefix is no path: want names with / between them", text)
	}
	return l, nil
}

// String is the location as ParseLocation reads it.
func (l Location) String() string {
	if l.Prefix == "" {
		return scheme + l.Bucket
	}
	return scheme + l.Bucket + "/" + l.Prefix
}
