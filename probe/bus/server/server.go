package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"matrix/probe"
)

// Config is how a server of this program runs.
type Config struct {
	Folder string // of keys and configuration, as Make makes it
	Listen string // host:port; "": as the configuration says
	Log    *slog.Logger
	// Violation is told who said or asked what it may not; nil: only the log is.
	Violation func(text string)
}

// Server is a server that runs.
type Server struct {
	config Config
	server *natsserver.Server
	stop   context.CancelFunc
	over   sync.WaitGroup
}

const readyLimit = 20 * time.Second

// Start starts a server and waits until it takes connections. It runs until it
// is closed.
func Start(ctx context.Context, c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	names, err := c.names()
	if err != nil {
		return nil, err
	}
	options, err := c.options()
	if err != nil {
		return nil, err
	}
	inner, err := natsserver.NewServer(options)
	if err != nil {
		return nil, fmt.Errorf("NATS server: %w", err)
	}
	inner.SetLoggerV2(&logger{log: c.Log, violation: c.Violation, names: names}, false, false, false)
	inner.Start()
	if !inner.ReadyForConnections(readyLimit) {
		inner.Shutdown()
		inner.WaitForShutdown()
		return nil, fmt.Errorf("NATS server: not ready within %v; is another one using %s?", readyLimit, net.JoinHostPort(options.Host, strconv.Itoa(options.Port)))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{config: c, server: inner, stop: cancel}
	s.over.Go(func() { s.watch(ctx) })
	return s, nil
}

func (c Config) options() (*natsserver.Options, error) {
	path := filepath.Join(c.Folder, ConfigFile)
	options, err := natsserver.ProcessConfigFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w; matrix init --nats makes one", err)
	}
	if c.Listen != "" {
		host, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			return nil, fmt.Errorf("listen at %q: want HOST:PORT, or :PORT", c.Listen)
		}
		if options.Port, err = strconv.Atoi(port); err != nil {
			return nil, fmt.Errorf("listen at %q: want HOST:PORT, or :PORT", c.Listen)
		}
		if options.Port == 0 {
			options.Port = natsserver.RANDOM_PORT
		}
		options.Host = host
	}
	options.NoSigs = true // this program has its own mind about signals
	return options, nil
}

// names are the cities by their public keys, for what people are told.
func (c Config) names() (map[string]string, error) {
	holders, err := Holders(c.Folder)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(holders))
	for _, h := range holders {
		names[h.Public] = h.City
		if h.City == "" {
			names[h.Public] = "the coordinator"
		}
	}
	return names, nil
}

// Address is where it listens.
func (s *Server) Address() string { return s.server.Addr().String() }

// Close ends the server. What the stream has is on disk.
func (s *Server) Close() {
	s.stop()
	s.over.Wait()
	s.server.Shutdown()
	s.server.WaitForShutdown()
}

// reloadEvery is how soon a change of users.conf takes effect.
const reloadEvery = time.Second

// watch reads the users again when their file was changed.
func (s *Server) watch(ctx context.Context) {
	path := filepath.Join(s.config.Folder, usersFile)
	seen := stamp(path)
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := stamp(path)
		if now == seen || now == "" {
			continue
		}
		seen = now
		if err := s.Reload(); err != nil {
			s.config.Log.Error("the users were not read again; those of before hold", "err", err)
		}
	}
}

// stamp changes when a file does; "" while it is not there.
func stamp(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

// Reload reads the configuration again. Connections of keys that are not known
// any more are ended.
func (s *Server) Reload() error {
	if _, err := s.config.names(); err != nil {
		return err
	}
	fresh, err := s.reload()
	if err == nil && fresh {
		// What passes from an account to others does so from the next time on that it is read.
		_, err = s.reload()
	}
	if err == nil {
		s.config.Log.Info("the NATS server read its users again")
	}
	return err
}

// reload says whether there were accounts that the server had not known.
func (s *Server) reload() (fresh bool, err error) {
	options, err := s.config.options()
	if err != nil {
		return false, err
	}
	if options.Port == natsserver.RANDOM_PORT {
		_, port, err := net.SplitHostPort(s.Address())
		if err != nil {
			return false, err
		}
		if options.Port, err = strconv.Atoi(port); err != nil {
			return false, err
		}
	}
	fresh = slices.ContainsFunc(options.Accounts, func(a *natsserver.Account) bool {
		_, err := s.server.LookupAccount(a.Name)
		return err != nil
	})
	return fresh, s.server.ReloadOptions(options)
}

// logger hands on what the server says, and who broke the rules.
type logger struct {
	log       *slog.Logger
	violation func(string)
	names     map[string]string
}

var _ natsserver.Logger = (*logger)(nil)

// nkeyPattern is a public key in the server's words.
var nkeyPattern = probe.Pattern(`U[A-Z2-7]{55}`)

func (l *logger) text(format string, v []any) string {
	return probe.Clean(nkeyPattern().ReplaceAllStringFunc(fmt.Sprintf(format, v...), func(public string) string {
		if name, ok := l.names[public]; ok {
			return name
		}
		return "an unknown key (" + public + ")"
	}), 400)
}

func (l *logger) Noticef(format string, v ...any) { l.log.Debug("NATS server: " + l.text(format, v)) }
func (l *logger) Warnf(format string, v ...any)   { l.log.Info("NATS server: " + l.text(format, v)) }
func (l *logger) Debugf(string, ...any)           {}
func (l *logger) Tracef(string, ...any)           {}

func (l *logger) Fatalf(format string, v ...any) { l.Errorf(format, v...) }

func (l *logger) Errorf(format string, v ...any) {
	text := l.text(format, v)
	l.log.Warn("NATS server: " + text)
	if l.violation == nil {
		return
	}
	if lower := strings.ToLower(text); strings.Contains(lower, "violation") || strings.Contains(lower, "authentication error") {
		l.violation(text)
	}
}
