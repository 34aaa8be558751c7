package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exec runs a command in a city of a running lab and returns its exit status,
// 128 + n if signal n ended it. door is the lab's socket, as in EnvDoor. The
// command gets the descriptors themselves, so that nothing is copied. When ctx
// ends, or this process does, the command is killed with its children.
func Exec(ctx context.Context, door string, c Command) (int, error) {
	answer, err := ask(ctx, door, request{Exec: &execRequest{City: c.City, Argv: c.Argv}}, c)
	return answer.Status, err
}

// Ledger writes the lab's ledger to a file, as CSV: counters in a first line
// of comment, then one line for every echo packet that was delivered, with
// the delay that it was to be given and the delay that it got.
func Ledger(ctx context.Context, door string, to *os.File) error {
	_, err := ask(ctx, door, request{Ledger: true}, Command{Stdout: to})
	return err
}

// Set changes the network of a running lab.
func Set(ctx context.Context, door string, change Change) error {
	_, err := ask(ctx, door, request{Change: &change}, Command{})
	return err
}

func ask(ctx context.Context, door string, r request, c Command) (response, error) {
	address := &net.UnixAddr{Name: door, Net: "unixpacket"}
	conn, err := net.DialUnix(address.Net, nil, address)
	if err != nil {
		return response{}, fmt.Errorf("reach the lab: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err := send(conn, r, c); err != nil {
		return response{}, fmt.Errorf("ask the lab: %w", err)
	}
	done := make(chan struct{})
	defer close(done)
	attached := r.Exec != nil && r.Exec.Attached
	go forward(conn, c.Signals, attached, done)
	answer, err := receive(conn)
	switch {
	case ctx.Err() != nil:
		return response{}, ctx.Err()
	case err != nil:
		return response{}, fmt.Errorf("the lab ended: %w", err)
	case answer.Error != "":
		return response{}, fmt.Errorf("lab: %s", answer.Error)
	}
	return answer, nil
}

// send asks, with the command's descriptors beside the question.
func send(conn *net.UnixConn, r request, c Command) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if len(text) > maxRequest {
		return errors.New("the command is too long")
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	rights := make([]int, 3)
	for i, f := range []*os.File{c.Stdin, c.Stdout, c.Stderr} {
		if f == nil {
			f = null
		}
		rights[i] = int(f.Fd())
	}
	_, _, err = conn.WriteMsgUnix(text, unix.UnixRights(rights...), nil)
	return err
}

// forward passes signals on until the command is done. An attached command has
// Ctrl-C from the terminal already, and takes a second one for impatience.
func forward(conn *net.UnixConn, signals <-chan os.Signal, attached bool, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			number, ok := s.(syscall.Signal)
			typed := attached && (number == unix.SIGINT || number == unix.SIGQUIT) && inForeground()
			if ok && !typed {
				text, _ := json.Marshal(request{Signal: int(number)})
				_, _ = conn.Write(text)
			}
		case <-done:
			return
		}
	}
}

func receive(conn *net.UnixConn) (response, error) {
	var answer response
	buf := make([]byte, maxRequest)
	n, err := conn.Read(buf)
	if err == nil {
		err = json.Unmarshal(buf[:n], &answer)
	}
	return answer, err
}

// inForeground says whether what is typed at the terminal comes to this
// process's group.
func inForeground() bool {
	terminal, err := os.Open("/dev/tty")
	if err != nil {
		return false
	}
	defer terminal.Close()
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}
