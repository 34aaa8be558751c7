//go:build !linux

package lab

import (
	"context"
	"errors"
	"os"
)

// errNotLinux is all that the lab has to say elsewhere.
var errNotLinux = errors.New("the lab needs Linux: it is made of network namespaces")

// Lab is a running lab; see the documentation for Linux.
type Lab struct{ Folder, Door string }

// TakeOver does nothing here.
func TakeOver() (status int, taken bool) { return 0, false }

// Start fails here.
func Start(context.Context, Config) (*Lab, error) { return nil, errNotLinux }

// Close has nothing to close here.
func (l *Lab) Close() error { return nil }

// Run fails here.
func Run(context.Context, Config, []string) (int, error) { return 0, errNotLinux }

// Exec fails here.
func Exec(context.Context, string, Command) (int, error) { return 0, errNotLinux }

// Ledger fails here.
func Ledger(context.Context, string, *os.File) error { return errNotLinux }

// Set fails here.
func Set(context.Context, string, Change) error { return errNotLinux }
