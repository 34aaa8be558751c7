//go:build !unix

package main

import "io/fs"

// ownOrRoot takes the system's word: files have no owner that could be asked
// for in short.
func ownOrRoot(fs.FileInfo) bool { return true }
