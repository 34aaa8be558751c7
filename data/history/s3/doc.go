// Package s3 keeps a history in a bucket: of Amazon's S3, or of a server that
// speaks its language.
//
//	history ── Put ──► one object, whole, and never over another (If-None-Match: *)
//	        ── List ──► what is directly below a prefix
//	        ── Open ──► blocks of 4 MiB ◄── cache on disk ◄── ranged GET (If-Match)
//
// Objects are never changed, so what was read of one is kept on disk, under
// its key and its ETag, and not asked for again. A cache is bounded, and may be
// used by any number of programs at once.
//
// Whatever keeps a request from its answer is a history.ErrUnreachable that says
// what to do.
package s3
