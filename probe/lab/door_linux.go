package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// door lets commands into the cities of the running lab.
type door struct {
	net     *network
	engine  *engine
	spaces  []namespace
	spawner *spawner
	homes   string // folder of the cities' folders
	folder  string // of the lab
}

// cityNice leaves the engine its time: a client that is late measures itself,
// an engine that is late falsifies everyone's figures.
const cityNice = 19

func (d *door) serve(listener *net.UnixListener) error {
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return fmt.Errorf("door: %w", err)
		}
		go func() {
			defer conn.Close()
			answer, err := d.handle(conn)
			if err != nil {
				answer.Error = err.Error()
			}
			text, _ := json.Marshal(answer)
			_, _ = conn.Write(text) // whoever asked may have gone
		}()
	}
}

func (d *door) handle(conn *net.UnixConn) (answer response, err error) {
	r, files, err := readRequest(conn)
	defer func() {
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}()
	switch {
	case err != nil:
	case r.Count:
		_, answer.Counters = d.engine.snapshot()
	case r.Ledger:
		chunks, counters := d.engine.snapshot()
		err = writeCSV(files[1], chunks, counters, d.net.hosts)
	case r.Change != nil:
		d.engine.mu.Lock()
		defer d.engine.mu.Unlock()
		err = d.net.change(r.Change)
	case r.Exec != nil && len(r.Exec.Argv) > 0:
		answer.Status, err = d.exec(conn, r.Exec, files)
	default:
		err = errors.New("empty request")
	}
	return answer, err
}

// readRequest reads the first message of a client and its descriptors.
func readRequest(conn *net.UnixConn) (r request, files [3]*os.File, err error) {
	buf, rights := make([]byte, maxRequest), make([]byte, unix.CmsgSpace(3*4))
	n, rn, flags, _, err := conn.ReadMsgUnix(buf, rights)
	if err != nil {
		return r, files, err
	}
	messages, err := unix.ParseSocketControlMessage(rights[:rn])
	if err != nil {
		return r, files, err
	}
	count := 0
	for i := range messages {
		descriptors, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return r, files, err
		}
		for _, fd := range descriptors {
			if count < len(files) {
				files[count] = os.NewFile(uintptr(fd), "stdio")
			}
			count++
		}
	}
	if count != len(files) || flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0 {
		return r, files, errors.New("want one message of 64 KB at most with three descriptors")
	}
	return r, files, json.Unmarshal(buf[:n], &r)
}

// exec runs a command in a city until it ends or the client goes.
func (d *door) exec(conn *net.UnixConn, r *execRequest, files [3]*os.File) (int, error) {
	host, err := d.net.find(r.City)
	if err != nil {
		return 0, err
	}
	t := d.task(host, r, files)
	pid, ended, err := d.spawner.start(d.spaces[host], t)
	if err != nil {
		return 0, err
	}
	target := pid
	if t.group != sameGroup {
		target = -pid
	}
	var over atomic.Bool // its number may be another's from then on
	go func() {
		for {
			signal, gone := nextSignal(conn)
			if over.Load() {
				return
			}
			if gone {
				_ = unix.Kill(target, unix.SIGKILL)
				return
			}
			_ = unix.Kill(target, signal)
		}
	}()
	status := <-ended
	over.Store(true)
	return exitStatus(status), nil
}

func nextSignal(conn *net.UnixConn) (s unix.Signal, gone bool) {
	var buf [256]byte
	n, err := conn.Read(buf[:])
	var r request
	if err == nil {
		err = json.Unmarshal(buf[:n], &r)
	}
	return unix.Signal(r.Signal), err != nil
}

// task is how a command is run in a host.
func (d *door) task(host int32, r *execRequest, files [3]*os.File) *task {
	t := &task{argv: r.Argv, files: files, env: d.operatorEnv(), hostname: d.net.hosts[host].name}
	switch {
	case r.Attached:
	case isTerminal(files[0]):
		t.group = ownSession
	default:
		t.group = ownGroup
	}
	if len(t.argv) == 1 && !r.Attached {
		t.argv = []string{"/bin/sh", "-c", t.argv[0]}
	}
	if host == d.net.operator() {
		return t
	}
	t.nice = cityNice
	home := filepath.Join(d.homes, d.net.hosts[host].name, "home")
	if r.Attached {
		t.env = setenv(t.env, "HOME="+home)
	} else {
		t.env, t.dir = cityEnv(home), home
	}
	return t
}

// operatorEnv is the environment in which the lab was started, and the lab.
func (d *door) operatorEnv() []string {
	bin := filepath.Join(d.folder, "bin")
	return setenv(os.Environ(),
		EnvDoor+"="+filepath.Join(d.folder, "door"),
		EnvDir+"="+d.folder,
		"XDG_RUNTIME_DIR="+filepath.Join(d.folder, "run"),
		"PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

// cityEnv is what a login over ssh would find.
func cityEnv(home string) []string {
	env := []string{"HOME=" + home, "SHELL=/bin/sh"}
	for _, name := range []string{"PATH", "USER", "LOGNAME", "LANG", "LC_ALL", "TERM", "TZ"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func isTerminal(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
