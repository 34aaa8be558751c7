package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"matrix/report/alarm"
	"matrix/report/webhook"
)

// memory is a file with what a service has to know when it starts again. While it
// is open no other service can have it: two that measure for one history would
// run two rounds at once.
type memory struct {
	path string
	lock *os.File
}

// remembered is what is in the file.
type remembered struct {
	Format  int               `json:"format"`
	Seen    time.Time         `json:"seen"` // start of the last round that the alarms saw
	Alarms  json.RawMessage   `json:"alarms"`
	Waiting []webhook.Message `json:"waiting"` // messages that nobody has taken
}

const memoryFormat = 1

// stateFolder is where a service keeps what it has to remember: where systemd
// says, or else where programs do (XDG Base Directory Specification).
func stateFolder() (string, error) {
	if folder := os.Getenv("STATE_DIRECTORY"); filepath.IsAbs(folder) {
		return folder, nil
	}
	if base := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "matrix"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place to remember alarms in; set XDG_STATE_HOME: %w", err)
	}
	return filepath.Join(home, ".local", "state", "matrix"), nil
}

// openMemory opens the memory of the service for a history.
func openMemory(history string) (*memory, error) {
	folder, err := stateFolder()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return nil, fmt.Errorf("remember alarms: %w", err)
	}
	if err := checkOut(folder); err != nil {
		return nil, fmt.Errorf("remember alarms: %w", err)
	}
	sum := fnv.New64a()
	fmt.Fprint(sum, history)
	m := &memory{path: filepath.Join(folder, fmt.Sprintf("serve-%016x.json", sum.Sum64()))}
	m.lock, err = lockAlone(m.path + ".lock")
	if held := (*lockedError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("another matrix serve%s measures for the history %s already", held.who(), history)
	}
	if err != nil {
		return nil, fmt.Errorf("remember alarms: %w", err)
	}
	return m, nil
}

func (m *memory) close() error { return m.lock.Close() }

// load reads what is remembered into alarms. After an error nothing is: it costs
// a repetition of alarms, and should not cost the service.
func (m *memory) load(alarms *alarm.Tracker) (seen time.Time, waiting []webhook.Message, err error) {
	text, err := readBounded(m.path, 64<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil, nil
	}
	var r remembered
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err == nil && r.Format != memoryFormat {
		err = fmt.Errorf("its format is %d, not %d", r.Format, memoryFormat)
	}
	read := alarm.Tracker{Settings: alarms.Settings}
	if err == nil {
		err = json.Unmarshal(r.Alarms, &read)
	}
	if err != nil {
		return time.Time{}, nil, fmt.Errorf("%s: %w; alarms begin anew", m.path, err)
	}
	*alarms = read
	return r.Seen, r.Waiting, nil
}

// save writes it down, whole or not at all.
func (m *memory) save(alarms *alarm.Tracker, seen time.Time, waiting []webhook.Message) error {
	text, err := json.Marshal(alarms)
	if err == nil {
		text, err = json.MarshalIndent(remembered{memoryFormat, seen.UTC(), text, waiting}, "", " ")
	}
	if err != nil {
		return fmt.Errorf("remember alarms: %w", err)
	}
	_, err = saveAll(filepath.Dir(m.path), []file{{filepath.Base(m.path), func(w io.Writer) error { _, err := w.Write(text); return err }}})
	if err != nil {
		return fmt.Errorf("remember alarms: %w", err)
	}
	return nil
}
