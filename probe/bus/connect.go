package bus

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"matrix/probe"
)

const (
	keepSaid  = 7 * 24 * time.Hour // how long the stream keeps what was said if nobody fetches it
	keepBooks = keepSaid + 24*time.Hour
	mostSaid  = 2 << 30 // bytes; then new messages are refused, and wait on the hosts
	mostPlans = 64      // of the fleet that are kept: one whose rounds were not collected yet is still read
	maxSign   = 4 << 10 // bytes
)

const (
	prepareLimit  = 30 * time.Second
	dialLimit     = 10 * time.Second
	reconnectWait = 500 * time.Millisecond
	askLimit      = 3 * time.Second
)

// ask asks the server, until ctx is done: one that dies takes a question with it,
// and a cluster without a leader answers none.
func ask(ctx context.Context, question func(context.Context) error) error {
	for {
		limited, cancel := context.WithTimeout(ctx, askLimit)
		err := question(limited)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
	}
}

// dial connects, and stays connected: a server that is gone is looked for until
// the connection is closed. The first connection must succeed, unless wait.
func dial(key Key, name string, log *slog.Logger, wait bool) (*nats.Conn, error) {
	public, err := key.Public()
	if err != nil {
		return nil, err
	}
	options := []nats.Option{
		nats.Name(name), nats.Nkey(public, key.sign), nats.CustomInboxPrefix(inbox(key.City)),
		nats.Timeout(dialLimit), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait), nats.RetryOnFailedConnect(wait),
		nats.IgnoreAuthErrorAbort(), // a key may be allowed again
		nats.ReconnectBufSize(-1),   // what is not sent now is sent again by who knows whether it still matters
		nats.PingInterval(10 * time.Second), nats.MaxPingsOutstanding(2),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				log.Warn("cut off from NATS", "err", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { log.Info("connected to NATS again", "server", nc.ConnectedUrlRedacted()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { log.Warn("NATS", "err", err) }),
	}
	if len(key.CA) > 0 {
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(key.CA) {
			return nil, errors.New("the key's certificates cannot be read")
		}
		options = append(options, nats.Secure(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	}
	nc, err := nats.Connect(key.Via, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to NATS at %s: %w%s", key.Via, err, hintFor(err))
	}
	return nc, nil
}

func hintFor(err error) string {
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, nats.ErrAuthorization), strings.Contains(strings.ToLower(err.Error()), "authorization violation"):
		return "; the server does not know this key, or it was revoked"
	case errors.As(err, &authority):
		return "; the server's certificate is not of the authority that the key names"
	}
	return ""
}

// Bus is a coordinator's connection.
type Bus struct {
	nc     *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	rounds jetstream.KeyValue
	leases jetstream.KeyValue
	plans  jetstream.KeyValue
	signs  jetstream.Stream
	log    *slog.Logger

	// Patience is how long after Connect agents may take to be there: those of a
	// server that was started just now are still looking for it. Set it before
	// anything is dialled.
	Patience time.Duration
	since    time.Time
}

// Connect connects a coordinator and makes sure that there are the stream and
// the books. In a cluster there are three copies of each.
func Connect(ctx context.Context, key Key, log *slog.Logger) (*Bus, error) {
	if key.City != "" {
		return nil, fmt.Errorf("the key is that of %s's agent; a coordinator needs the coordinator's", key.City)
	}
	nc, err := dial(key, "matrix coordinator", log, false)
	if err != nil {
		return nil, err
	}
	b := &Bus{nc: nc, log: log, since: time.Now()}
	if err := b.prepare(ctx); err != nil {
		nc.Close()
		return nil, fmt.Errorf("prepare NATS: %w; JetStream must be enabled there, and the key be a coordinator's", err)
	}
	return b, nil
}

func (b *Bus) prepare(ctx context.Context) (err error) {
	if b.js, err = jetstream.New(b.nc); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	for {
		// A cluster without a leader says nothing at all.
		limited, cancel := context.WithTimeout(ctx, prepareLimit/10)
		err = b.furnish(limited)
		cancel()
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, jetstream.ErrJetStreamNotEnabled) {
			return err
		}
		b.log.Debug("NATS is not ready", "err", err)
	}
}

// furnish makes what is not there yet.
func (b *Bus) furnish(ctx context.Context) (err error) {
	copies := 1
	if b.nc.ConnectedClusterName() != "" {
		copies = 3
	}
	b.stream, err = b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: streamName, Description: "what matrix agents measured, until a round is saved",
		Subjects: []string{saidPrefix + "*.*"}, Replicas: copies, Storage: jetstream.FileStorage,
		MaxAge: keepSaid, MaxBytes: mostSaid, Discard: jetstream.DiscardNew,
		Compression: jetstream.S2Compression,
	})
	if err != nil {
		return err
	}
	b.rounds, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: roundsBucket, TTL: keepBooks, Replicas: copies,
	})
	if err != nil {
		return err
	}
	b.leases, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: leasesBucket, TTL: leaseTime, Replicas: copies})
	if err != nil {
		return err
	}
	b.plans, err = b.js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{
		Bucket: plansBucket, Description: "what matrix agents measure by themselves", History: mostPlans, MaxValueSize: maxPlan, Replicas: copies,
	})
	if err != nil {
		return err
	}
	// No bucket: whoever may write a key of one may have it roll all others up.
	b.signs, err = b.js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: signsStream, Description: "the last sign of life of each matrix agent", Subjects: []string{signPrefix + "*"},
		Replicas: copies, Storage: jetstream.FileStorage, MaxMsgsPerSubject: 1, MaxMsgSize: maxSign, MaxAge: keepSaid,
	})
	return err
}

// Mend makes the stream and the books again that somebody removed, and says which:
// what was in them is lost.
func (b *Bus) Mend(ctx context.Context) (made []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, prepareLimit)
	defer cancel()
	const bucket = "KV_" // before the name of its stream
	for _, name := range []string{streamName, signsStream, bucket + roundsBucket, bucket + leasesBucket, bucket + plansBucket} {
		err := ask(ctx, func(ctx context.Context) error {
			_, err := b.js.Stream(ctx, name)
			return err
		})
		switch {
		case errors.Is(err, jetstream.ErrStreamNotFound):
			made = append(made, strings.TrimPrefix(name, bucket))
		case err != nil:
			return nil, fmt.Errorf("look after the stream and the books: %w", err)
		}
	}
	if len(made) == 0 {
		return nil, nil
	}
	again := *b // what the others have goes by the names
	if err := again.furnish(ctx); err != nil {
		return nil, fmt.Errorf("make %s again, which somebody removed from NATS: %w", strings.Join(made, ", "), err)
	}
	return made, nil
}

// Traffic is what came and went over the connection so far, in messages and in
// bytes of their bodies and headers.
func (b *Bus) Traffic() (messagesIn, bytesIn, messagesOut, bytesOut uint64) {
	s := b.nc.Stats()
	return s.InMsgs, s.InBytes, s.OutMsgs, s.OutBytes
}

// Close ends the connection.
func (b *Bus) Close() { b.nc.Close() }

// cleaned is a text from the network as an error.
func cleaned(text []byte) error { return errors.New(probe.Clean(string(text), 300)) }
