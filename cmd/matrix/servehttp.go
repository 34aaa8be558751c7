package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"matrix/report"
	"matrix/report/api"
	"matrix/report/live"
	"matrix/report/metrics"
)

// listen takes the address, so that one that cannot be had is known at once.
func (s *service) listen(address string) (err error) {
	network, named := "tcp", address
	switch path, isPath := strings.CutPrefix(address, "unix:"); {
	case address == "none":
		return nil
	case isPath:
		network, address = "unix", path
		dropSocket(path)
	}
	if s.listener, err = net.Listen(network, address); err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			err = fmt.Errorf("%w; another program has that address: name another one", err)
		}
		return &statusError{exitSystem, fmt.Errorf("--listen %s: %w", named, err)}
	}
	return nil
}

// dropSocket removes a socket that a service left behind when it was killed:
// nobody answers there.
func dropSocket(path string) {
	info, err := os.Lstat(path)
	if err != nil || info.Mode()&os.ModeSocket == 0 {
		return
	}
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return
	}
	_ = os.Remove(path) // listening says why, if it cannot be
}

// serveHTTP serves until ctx ends.
func (s *service) serveHTTP(ctx context.Context) error {
	server := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      5 * time.Minute, // for the largest answer and the slowest line
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}
	stop := context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(limited) != nil {
			_ = server.Close() // who is still reading has had his time
		}
	})
	defer stop()
	if err := server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// siteRoot is where the website is served.
const siteRoot = "/site/"

// handler is everything that is served.
func (s *service) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/metrics", s.metrics())
	mux.Handle("/healthz", live.Health(&s.board, time.Now))
	shown := api.Options{Log: s.regime.Load().logger(s.std)}
	mux.Handle(api.Root, api.Handler(&s.board, shown))
	mux.Handle("/", api.Page(&s.board, shown))
	if folder := s.regime.Load().site; folder != "" {
		mux.Handle(siteRoot, http.StripPrefix(strings.TrimSuffix(siteRoot, "/"), live.Pages(folder)))
	}
	return mux
}

// metrics are made anew when the age from which rounds are stale is another.
func (s *service) metrics() http.Handler {
	var mu sync.Mutex
	var age time.Duration
	var handler http.Handler
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if now := s.board.Current().MaxAge; handler == nil || now != age {
			age, handler = now, metrics.Handler(scraped{s}, metrics.Options{MaxAge: now, Version: version()})
		}
		h := handler
		mu.Unlock()
		h.ServeHTTP(w, r)
	})
}

// scraped is the service as Prometheus sees it.
type scraped struct{ s *service }

var _ metrics.Rounds = scraped{}

func (m scraped) Last() *report.Report { return m.s.board.Current().Report }

func (m scraped) Counters() metrics.Counters {
	n := m.s.board.Current().Counts
	all := metrics.Counters{Finished: n.Finished, Skipped: n.Skipped, Failed: n.Failed}
	if m.s.hook != nil {
		sent := m.s.hook.Counts()
		all.WebhookSent, all.WebhookFailed, all.WebhookDropped = sent.Sent, sent.Failed, sent.Dropped
	}
	return all
}
