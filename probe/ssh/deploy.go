package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"matrix/probe"
)

// Deployment is what became of putting the program on a host.
type Deployment struct {
	Platform string // as Go calls it: "linux/arm64"; "" if the host does not say
	Path     string // where the program is, or is to be: absolute, or below the home folder
	Forced   bool   // the key runs nothing but the matrix that is there
	Put      bool   // it was put there now; else it was there, to the byte
}

// keptName is the program's name beside the builds of ~/.cache/matrix. It stays
// the same, for forced commands to name.
const keptName = "matrix"

// KeptPath is where a deployed program is found by a name that stays the same.
func (d *Dialer) KeptPath() string {
	if d.RemotePath != "" {
		return d.RemotePath
	}
	return path.Join(path.Dir(d.Binary.home()), keptName)
}

// goal is where the program itself goes.
func (d *Dialer) goal() string {
	if d.RemotePath != "" {
		return d.RemotePath
	}
	return d.Binary.home()
}

// lookLimit is how long a host may take to say what it has; as a greeting.
const lookLimit = 15 * time.Second

// Deploy puts the program for the host's system there, unless the same is there
// already, byte for byte. With onlyLook what is not there is an error.
func (d *Dialer) Deploy(ctx context.Context, city probe.City, onlyLook bool) (Deployment, error) {
	l, err := d.link(ctx, city)
	if err != nil {
		return Deployment{}, err
	}
	found, err := l.look(ctx)
	if err != nil || found.forced {
		return Deployment{Forced: found.forced}, err
	}
	done := Deployment{Platform: found.platform, Path: d.KeptPath()}
	program, sum, err := (&missingError{l, found.platform}).program()
	if err != nil {
		return done, err
	}
	if found.goal == sum && found.kept == sum {
		return done, nil
	}
	if onlyLook {
		what := "matrix is missing there"
		if found.kept != "none" || found.goal != "none" {
			what = "another matrix is there"
		}
		return done, &probe.HostError{Op: "look", Err: errors.New(what), Hint: "matrix deploy puts this one there"}
	}
	done.Put = true
	if found.goal != sum {
		if err := l.put(ctx, program, sum); err != nil {
			return done, err
		}
	}
	if d.RemotePath != "" || found.kept == sum {
		return done, nil
	}
	return done, l.install(ctx, nil, done.Path, shellCommand(forInstall, keepLink, d.Binary.home(), keptName))
}

// held is what a host has.
type held struct {
	forced     bool // it answered with a greeting, whatever it was asked
	platform   string
	goal, kept string // checksums of the programs there; "none"
}

// look asks the host.
func (l *link) look(ctx context.Context) (held, error) {
	conn, err := l.run(shellCommand(forLook, look, l.goal(), l.KeptPath()))
	if err != nil {
		return held{}, err
	}
	defer conn.Close()
	limited, cancel := context.WithTimeoutCause(ctx, lookLimit, fmt.Errorf("no answer within %v", lookLimit))
	defer cancel()
	stop := context.AfterFunc(limited, func() { conn.Close() })
	defer stop()
	h, err := readHeld(conn)
	switch {
	case err == nil:
		return h, nil
	case ctx.Err() != nil:
		return h, context.Cause(ctx)
	case limited.Err() != nil:
		err = context.Cause(limited)
	}
	return h, conn.Explain(err)
}

// maxSaid bounds what a host may say before its answer: login banners.
const maxSaid = 64 << 10

func readHeld(from io.Reader) (held, error) {
	lines := bufio.NewScanner(io.LimitReader(from, maxSaid))
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		switch {
		case len(words) > 1 && words[0] == "matrix-probe":
			return held{forced: true}, nil
		case len(words) == 5 && words[0] == lookMark:
			return held{platform: platformOf(probe.Clean(words[1], 20), probe.Clean(words[2], 20)), goal: words[3], kept: words[4]}, nil
		}
	}
	if err := lines.Err(); err != nil {
		return held{}, err
	}
	return held{}, io.EOF
}
