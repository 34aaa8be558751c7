package s3

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Options are how a bucket is reached. The zero value of each is its default.
type Options struct {
	Cache      string        // folder for what was read; required
	CacheBytes int64         // that it may take; 2 GiB
	Stall      time.Duration // with nothing sent and nothing received before a request is given up; 30 s
	Tries      int           // of each request; 4
	Getenv     func(string) string
}

const (
	defaultCacheBytes = 2 << 30
	defaultStall      = 30 * time.Second
	defaultTries      = 4
)

func (o *Options) fill() {
	if o.CacheBytes <= 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Stall <= 0 {
		o.Stall = defaultStall
	}
	if o.Tries <= 0 {
		o.Tries = defaultTries
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
}

// first is the first variable of the environment that says something.
func (o *Options) first(names ...string) string {
	for _, name := range names {
		if value := o.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// amazon is where Amazon is, if no other endpoint is named.
const amazon = "https://s3.amazonaws.com"

// connect makes a client by the environment that Amazon's own programs have. It
// sends nothing yet.
func connect(o *Options) (client *minio.Client, endpoint *url.URL, err error) {
	text := o.first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	named := text != ""
	if !named {
		text = amazon
	}
	endpoint, err = url.Parse(text)
	if err != nil || endpoint.Scheme != "http" && endpoint.Scheme != "https" || endpoint.Host == "" || strings.Trim(endpoint.Path, "/") != "" {
		return nil, nil, fmt.Errorf("AWS_ENDPOINT_URL %q: want https://HOST or https://HOST:PORT", text)
	}
	transport, err := o.transport()
	if err != nil {
		return nil, nil, err
	}
	region := o.first("AWS_REGION", "AWS_DEFAULT_REGION")
	if named && region == "" {
		region = "us-east-1" // which servers other than Amazon's take, as a rule
	}
	client, err = minio.New(endpoint.Host, &minio.Options{
		Creds:  credentials.NewChainCredentials(o.providers(named)),
		Secure: endpoint.Scheme == "https", Transport: transport, Region: region, MaxRetries: o.Tries,
	})
	if err != nil {
		return nil, nil, err
	}
	client.SetAppInfo("matrix", "1")
	return client, endpoint, nil
}

// providers are where keys may be: the environment, the files of Amazon's
// programs, and on Amazon's machines the machine itself, which is not asked for
// the keys of somebody else's server.
func (o *Options) providers(named bool) []credentials.Provider {
	all := []credentials.Provider{&environment{getenv: o.Getenv}, &credentials.FileAWSCredentials{}}
	if !named && !strings.EqualFold(o.Getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		all = append(all, &credentials.IAM{Client: &http.Client{Timeout: 2 * time.Second}})
	}
	return all
}

// environment has the keys of the environment.
type environment struct {
	getenv func(string) string
	asked  bool
}

var _ credentials.Provider = (*environment)(nil)

func (e *environment) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return e.Retrieve()
}

func (e *environment) Retrieve() (credentials.Value, error) {
	e.asked = true
	id, secret := e.getenv("AWS_ACCESS_KEY_ID"), e.getenv("AWS_SECRET_ACCESS_KEY")
	if id == "" || secret == "" {
		return credentials.Value{}, errors.New("no keys in the environment")
	}
	return credentials.Value{AccessKeyID: id, SecretAccessKey: secret, SessionToken: e.getenv("AWS_SESSION_TOKEN"), SignerType: credentials.SignatureV4}, nil
}

func (e *environment) IsExpired() bool { return !e.asked }

// transport gives a request up when nothing moves any more, however long it
// takes while something does.
func (o *Options) transport() (*http.Transport, error) {
	dialer := net.Dialer{Timeout: min(o.Stall, 10*time.Second)}
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &movingConn{conn, o.Stall}, nil
		},
		MaxIdleConnsPerHost: 16, IdleConnTimeout: o.Stall, TLSHandshakeTimeout: min(o.Stall, 10*time.Second),
		DisableCompression: true, // Parquet is compressed, and ranges are of what is stored
		ForceAttemptHTTP2:  false,
		TLSClientConfig:    &tls.Config{MinVersion: tls.VersionTLS12},
	}
	bundle := o.first("AWS_CA_BUNDLE")
	if bundle == "" {
		return t, nil
	}
	text, err := os.ReadFile(bundle)
	if err != nil {
		return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("AWS_CA_BUNDLE %s: there is no certificate in it", bundle)
	}
	return t, nil
}

// movingConn fails where nothing moves for too long.
type movingConn struct {
	net.Conn
	stall time.Duration
}

func (c *movingConn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c *movingConn) Write(p []byte) (int, error) {
	// While something can be written the answer may take its time.
	if err := c.SetDeadline(time.Now().Add(c.stall)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}
