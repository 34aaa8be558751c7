package versity

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"matrix/data/history"
	"matrix/data/history/s3"
)

// The keys of the server.
const (
	keyID  = "matrix"
	secret = "a secret of the test"
)

// TestMain makes the test binary a server.
func TestMain(m *testing.M) {
	if address := os.Getenv("MATRIX_TEST_GATEWAY"); address != "" {
		if err := serve(address, os.Getenv("MATRIX_TEST_GATEWAY_DIR")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// serve is versitygw, with buckets that are folders of this machine and what is
// to be known of their objects beside them.
func serve(address, dir string) error {
	aside := filepath.Join(dir, "meta")
	buckets := filepath.Join(dir, "buckets")
	for _, folder := range []string{aside, buckets} {
		if err := os.MkdirAll(folder, 0o777); err != nil {
			return err
		}
	}
	sidecar, err := meta.NewSideCar(aside)
	if err != nil {
		return err
	}
	backend, err := posix.New(buckets, sidecar, posix.PosixOpts{SideCarDir: aside, ValidateBucketNames: true})
	if err != nil {
		return err
	}
	return embedgw.RunVersityGW(context.Background(), backend, &embedgw.Config{
		RootUserAccess: keyID, RootUserSecret: secret, Ports: []string{address},
		MaxConnections: 1000, MaxRequests: 1000, MultipartMaxParts: 10000, Quiet: true, KeepAlive: true,
	})
}

// server is a running server.
type server struct {
	address string
	dir     string // of its buckets
	cmd     *exec.Cmd
	client  *minio.Client
}

// start starts a server with an empty bucket, "fleet".
func start(t *testing.T) *server {
	t.Helper()
	s := &server{dir: t.TempDir()}
	err := errors.New("not tried yet")
	for range 5 { // another program may take the address first
		s.address = freeAddress(t)
		if err = s.listen(t); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	s.client, err = minio.New(s.address, &minio.Options{Creds: credentials.NewStaticV4(keyID, secret, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.client.MakeBucket(t.Context(), "fleet", minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
	return s
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// listen starts the server's process, and waits until it answers.
func (s *server) listen(t *testing.T) error {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MATRIX_TEST_GATEWAY="+s.address, "MATRIX_TEST_GATEWAY_DIR="+s.dir)
	var talk strings.Builder
	cmd.Stdout, cmd.Stderr = &talk, &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	s.cmd = cmd
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // if it lives
		<-ended
	})
	for tick := time.Tick(20 * time.Millisecond); ; <-tick {
		conn, err := net.Dial("tcp", s.address)
		if err == nil {
			conn.Close()
			return nil
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the server ended: %v\n%s", err, talk.String())
		default:
		}
	}
}

// way is how a client reaches the server.
type way struct {
	address, keyID, secret string
	stall                  time.Duration
	cache                  string
}

func (s *server) way(t *testing.T) way {
	return way{address: s.address, keyID: keyID, secret: secret, stall: time.Minute, cache: t.TempDir()}
}

func (w way) bucket(t *testing.T, where string) *s3.Bucket {
	t.Helper()
	at, err := s3.ParseLocation(where)
	if err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"AWS_ENDPOINT_URL": "http://" + w.address, "AWS_ACCESS_KEY_ID": w.keyID, "AWS_SECRET_ACCESS_KEY": w.secret}
	b, err := s3.Open(at, s3.Options{Cache: w.cache, Stall: w.stall, Tries: 3, Getenv: func(name string) string { return env[name] }})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (w way) history(t *testing.T, where, spool string) *history.History {
	t.Helper()
	h, err := history.On(w.bucket(t, where), spool)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
