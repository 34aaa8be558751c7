package ssh

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
)

// Binary is this program as it can be put on other hosts.
type Binary struct {
	Path    string // of the executable
	Version string
	sum     string

	mu   sync.Mutex
	gzip map[string][]byte // programs as they travel, by path
}

// OwnBinary is the running executable.
func OwnBinary(version string) (*Binary, error) {
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's own file: %w", err)
	}
	b := &Binary{Path: path, Version: version}
	b.sum, err = checksum(path)
	return b, err
}

func checksum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read this program's own file: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return "", fmt.Errorf("read this program's own file: %w", err)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// home is where a far side looks for this build, below its home folder. The
// name changes with the build, so that another version is simply missing.
func (b *Binary) home() string { return ".cache/matrix/matrix-" + b.sum[:16] }

// forPlatform finds the executable for a system, as "linux/arm64": this one, or
// one named matrix-linux-arm64 that lies beside it, or in ../lib/matrix from
// there, which is the place for it where programs are in /usr/bin.
func (b *Binary) forPlatform(platform string) (path, sum string, err error) {
	if platform == runtime.GOOS+"/"+runtime.GOARCH {
		return b.Path, b.sum, nil
	}
	folder, name := filepath.Dir(b.Path), "matrix-"+strings.ReplaceAll(platform, "/", "-")
	path = filepath.Join(folder, name)
	sum, err = checksum(path)
	if err == nil {
		return path, sum, nil
	}
	installed := filepath.Join(folder, "..", "lib", "matrix", name)
	if sum, err := checksum(installed); err == nil {
		return installed, sum, nil
	}
	return path, "", err
}

// platformOf turns uname's words for system and machine into Go's. A program for
// arm is one for ARMv7, as releases have it: an ARMv6 cannot run it.
func platformOf(system, machine string) string {
	machines := map[string]string{
		"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "i386": "386",
	}
	if known, ok := machines[machine]; ok {
		machine = known
	}
	return strings.ToLower(system) + "/" + machine
}
