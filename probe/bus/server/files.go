package server

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"matrix/probe/bus"
)

// Files of a folder of keys.
const (
	ConfigFile  = "nats.conf"
	usersFile   = "users.conf"
	caFile      = "ca.pem"
	certFile    = "server.pem"
	certKeyFile = "server.key"
	storeFolder = "jetstream"
	// CoordinatorFile is the coordinator's key.
	CoordinatorFile = "coordinator.key"
	// AgentsFolder has a key for each city's agent, <city>.key.
	AgentsFolder = "agents"
)

// DefaultPort is NATS's own.
const DefaultPort = "4222"

// Make makes the keys of a fleet, and a server's configuration, in a folder.
// What is there already is kept; cities that are new get a key. hosts are the
// names and addresses by which the server is reached, the first one first.
func Make(folder string, hosts, cities []string) (made []string, err error) {
	if len(hosts) == 0 {
		return nil, errors.New("the server has no name: agents must know where to find it")
	}
	if err := os.MkdirAll(filepath.Join(folder, AgentsFolder), 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(folder, caFile)); errors.Is(err, fs.ErrNotExist) {
		if err := makeCertificates(folder, hosts); err != nil {
			return nil, err
		}
	}
	ca, err := os.ReadFile(filepath.Join(folder, caFile))
	if err != nil {
		return nil, err
	}
	users, err := readUsers(folder)
	if err != nil {
		return nil, err
	}
	via := urls(hosts)
	for _, city := range append([]string{""}, cities...) {
		if users.has(city) {
			continue
		}
		if err = users.add(folder, city, via, ca); err != nil {
			break
		}
		made = append(made, keyPath(city))
	}
	// Keys that were made are known to the server also if another one failed.
	if err := errors.Join(err, users.write(folder)); err != nil {
		return made, err
	}
	return made, writeConfig(folder)
}

// keyPath is where a city's key is in a folder; that of "" is the coordinator's.
func keyPath(city string) string {
	if city == "" {
		return CoordinatorFile
	}
	return filepath.Join(AgentsFolder, city+".key")
}

// urls are where the hosts are reached, with TLS.
func urls(hosts []string) string {
	var all []string
	for _, h := range hosts {
		host, port := splitPort(h)
		all = append(all, "tls://"+net.JoinHostPort(host, port))
	}
	return strings.Join(all, ",")
}

// splitPort is a host, and its port, or the usual one.
func splitPort(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), DefaultPort
}

// Certificates hold for this long: whoever has the authority's key could make
// new ones anyway, so it is thrown away, and all are made anew when these end.
const certificateYears = 10

// makeCertificates makes an authority for this one server, and the server's.
func makeCertificates(folder string, hosts []string) error {
	authority, caKey, err := certificate("matrix NATS authority", nil, nil, nil)
	if err != nil {
		return err
	}
	parent, err := x509.ParseCertificate(authority)
	if err != nil {
		return err
	}
	own, key, err := certificate("matrix NATS server", hosts, parent, caKey)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writeNew(filepath.Join(folder, certKeyFile), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		writeNew(filepath.Join(folder, certFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own})),
		writeNew(filepath.Join(folder, caFile), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})))
}

// certificate makes one that parent signs, or, without a parent, an authority.
func certificate(name string, hosts []string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) ([]byte, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-24 * time.Hour), // hosts whose clock is behind
		NotAfter:  time.Now().AddDate(certificateYears, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, h := range hosts {
		host, _ := splitPort(h)
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if parent == nil {
		template.IsCA, template.KeyUsage, template.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	return der, key, err
}

// writeNew writes a file that only this user may read.
func writeNew(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// writeKey writes a key's file, which is not there yet.
func writeKey(path string, key bus.Key) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(key.Write(f), f.Close())
}

const config = `# The NATS server of a matrix fleet: made by matrix init --nats, read by
# nats-server -c %[1]s and by matrix --nats-listen. For a cluster add a cluster
# block (docs.nats.io), and server names; the keys hold for all its servers.

listen: "0.0.0.0:%[2]s"
max_payload: 4MB
jetstream { store_dir: %[3]q }
tls {
  cert_file: %[4]q
  key_file: %[5]q
}

# Who may say what. matrix keys revoke CITY takes a city out; nats-server
# --signal reload has it take effect, and matrix reads it by itself. New cities
# need the signal twice.
include %[6]q
`

// writeConfig writes the server's configuration, unless there is one: it may
// have been changed.
func writeConfig(folder string) error {
	path := filepath.Join(folder, ConfigFile)
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	absolute, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	in := func(name string) string { return filepath.Join(absolute, name) }
	var b bytes.Buffer
	fmt.Fprintf(&b, config, in(ConfigFile), DefaultPort, in(storeFolder), in(certFile), in(certKeyFile), usersFile)
	return writeNew(path, b.Bytes())
}

// readSmall is a file's text, bounded.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 16<<20))
}
