package bus

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/nats-io/nkeys"
)

// Key is who somebody is on the bus, and where that is: all that an agent or a
// coordinator needs to connect. As a file it is PEM: the seed with its headers,
// then the certificates.
type Key struct {
	City string // whose agent; "" for a coordinator
	Via  string // URLs of servers, with commas between them
	Seed []byte // of an nkey for a user: SU…
	CA   []byte // certificates, PEM, that the server's must be signed by; nil: those that the system trusts
}

const (
	keyBlock   = "MATRIX KEY"
	maxKeyFile = 64 << 10
)

// NewKey makes a key that nobody has had.
func NewKey(city string) (Key, error) {
	if city != "" {
		if err := checkName(city); err != nil {
			return Key{}, err
		}
	}
	pair, err := nkeys.CreateUser()
	if err != nil {
		return Key{}, err
	}
	seed, err := pair.Seed()
	return Key{City: city, Seed: seed}, err
}

// Public is the public half: what the server knows, U….
func (k Key) Public() (string, error) {
	pair, err := nkeys.FromSeed(k.Seed)
	if err != nil {
		return "", fmt.Errorf("the seed is not that of an nkey: %w", err)
	}
	return pair.PublicKey()
}

// sign answers the server's challenge; the seed never leaves this machine.
func (k Key) sign(nonce []byte) ([]byte, error) {
	pair, err := nkeys.FromSeed(k.Seed)
	if err != nil {
		return nil, err
	}
	return pair.Sign(nonce)
}

// Write writes the key as a file has it.
func (k Key) Write(w io.Writer) error {
	headers := map[string]string{"Via": k.Via}
	if k.City != "" {
		headers["City"] = k.City
	}
	if err := pem.Encode(w, &pem.Block{Type: keyBlock, Headers: headers, Bytes: k.Seed}); err != nil {
		return err
	}
	_, err := w.Write(k.CA)
	return err
}

// ReadKey reads a key's file. One that others may read is refused, as ssh does.
func ReadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Key{}, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Key{}, fmt.Errorf("%s: others may read it (mode %04o), and whoever has it can pass for its city; chmod 600 it", path, mode)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return Key{}, err
	}
	k, err := parseKey(text)
	if err != nil {
		return Key{}, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func parseKey(text []byte) (Key, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != keyBlock {
		return Key{}, errors.New("not a key of matrix; matrix init --nats makes them")
	}
	k := Key{City: block.Headers["City"], Via: block.Headers["Via"], Seed: block.Bytes}
	if rest = bytes.TrimSpace(rest); len(rest) > 0 {
		k.CA = append(rest, '\n')
	}
	if k.City != "" {
		if err := checkName(k.City); err != nil {
			return k, err
		}
	}
	_, err := k.Public()
	return k, err
}

// maxName bounds a name, in bytes.
const maxName = 128

// checkName refuses what cannot be a token of a subject and the name of a file.
func checkName(name string) error {
	foreign := func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, foreign) {
		return fmt.Errorf("%q cannot be part of a NATS subject: want letters, digits, - and _", name)
	}
	return nil
}
