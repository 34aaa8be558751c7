package ssh

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"matrix/probe"
)

// missingError is that of a host without this build of matrix.
type missingError struct {
	link     *link
	platform string
}

// missing reads uname's words for system and machine.
func (l *link) missing(uname string) error {
	system, machine, _ := strings.Cut(uname, " ")
	return &missingError{l, platformOf(system, machine)}
}

func (m *missingError) Error() string { return "matrix is missing there, or of another version" }

// Install puts the program for the host's system there.
func (m *missingError) Install(ctx context.Context) error {
	path, sum, err := m.program()
	if err != nil {
		return err
	}
	return m.link.put(ctx, path, sum)
}

// program is the one for the host's system.
func (m *missingError) program() (path, sum string, err error) {
	path, sum, err = m.link.Binary.forPlatform(m.platform)
	if err != nil {
		err = &probe.HostError{
			Op:   "install matrix",
			Err:  fmt.Errorf("the host is %s, and there is no program for it: %w", m.platform, err),
			Hint: fmt.Sprintf("put one built for %s there by that name, or on the host, with --remote-path", m.platform),
		}
	}
	return path, sum, err
}

// put puts a program with that checksum where it is looked for.
func (l *link) put(ctx context.Context, path, sum string) error {
	packed, err := l.Binary.packed(path)
	if err != nil {
		return &probe.HostError{Op: "install matrix", Err: err}
	}
	script := installBuild
	if l.RemotePath != "" {
		script = installVersion
	}
	return l.install(ctx, packed, l.goal(), shellCommand(forInstall, script, l.goal(), sum))
}

// install runs an install script with the packed program as its stdin.
func (l *link) install(ctx context.Context, packed []byte, goal, commandLine string) error {
	argv := append(slices.Clone(l.argv), l.login, commandLine)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	detach(cmd)
	said := newTail()
	errRead, errWrite, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdin, cmd.Stderr = bytes.NewReader(packed), errWrite
	go said.readFrom(errRead)
	err = cmd.Run()
	errWrite.Close()
	said.close()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return &probe.HostError{
		Op:   "install matrix",
		Err:  fmt.Errorf("%s on the host: %w%s", goal, err, quoteLast(said.lines())),
		Hint: "see that there is room and that the folder can be written, or install matrix there and name it with --remote-path",
	}
}

// packed is a program as it travels: a third of its size. It is packed once for
// all hosts.
func (b *Binary) packed(path string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if done, ok := b.gzip[path]; ok {
		return done, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(w, f); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if b.gzip == nil {
		b.gzip = map[string][]byte{}
	}
	b.gzip[path] = out.Bytes()
	return out.Bytes(), nil
}
