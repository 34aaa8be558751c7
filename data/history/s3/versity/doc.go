// Package versity has only tests: a real server of S3 has the history. It is a
// module of its own, so that the server is needed by nobody who builds matrix.
package versity
