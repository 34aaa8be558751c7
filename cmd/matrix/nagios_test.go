package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"matrix/probe/lacktest"
)

// nagiosServer is a real Nagios that runs checks every second.
type nagiosServer struct {
	t       *testing.T
	folder  string
	program string        // matrix
	ended   chan struct{} // closed when it has
}

// The parts of a configuration that docs/alarms.md takes for granted.
const nagiosConfig = `cfg_file=%[1]s/objects.cfg
log_file=%[1]s/log
object_cache_file=%[1]s/objects.cache
precached_object_file=%[1]s/objects.precache
status_file=%[1]s/status.dat
state_retention_file=%[1]s/retention.dat
temp_file=%[1]s/temp
temp_path=%[1]s
check_result_path=%[1]s
lock_file=%[1]s/lock
query_socket=%[1]s/q
check_external_commands=0
enable_notifications=0
status_update_interval=1
interval_length=1
check_for_updates=0
use_syslog=0
nagios_user=%[2]d
nagios_group=%[3]d
`

const nagiosObjects = `
define command {
  command_name check-alive
  command_line /bin/true
}
define contact {
  contact_name somebody
  service_notification_commands check-alive
  host_notification_commands check-alive
  service_notification_period always
  host_notification_period always
}
define timeperiod {
  timeperiod_name always
  alias always
  sunday 00:00-24:00
  monday 00:00-24:00
  tuesday 00:00-24:00
  wednesday 00:00-24:00
  thursday 00:00-24:00
  friday 00:00-24:00
  saturday 00:00-24:00
}
define host {
  name generic-host
  check_command check-alive
  max_check_attempts 1
  check_interval 60
  check_period always
  notification_period always
  contacts somebody
  notifications_enabled 0
  register 0
}
define service {
  name generic-service
  max_check_attempts 1
  check_interval 1
  retry_interval 1
  check_period always
  notification_period always
  contacts somebody
  notifications_enabled 0
  register 0
}
define host {
  use generic-host
  host_name coordinator
  address 127.0.0.1
}
define host {
  use generic-host
  host_name baltimore
  address 127.0.0.1
}
`

// startNagios starts one with the objects of the documentation and some more,
// which ends with the test.
func startNagios(t *testing.T, more string) *nagiosServer {
	t.Helper()
	lacktest.Programs(t, "nagios4")
	short, err := os.MkdirTemp("", "nagios") // its socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(short) })
	n := &nagiosServer{t, short, built(t), make(chan struct{})}
	page, err := os.ReadFile("../../docs/alarms.md")
	if err != nil {
		t.Fatal(err)
	}
	_, documented, ok := strings.Cut(string(page), "\nNagios:\n")
	documented, _, ok2 := strings.Cut(documented, "\nIcinga 2:\n")
	if !ok || !ok2 {
		t.Fatal("docs/alarms.md has no configuration for Nagios")
	}
	objects := strings.NewReplacer("/usr/bin/matrix", n.program, "/var/lib/matrix/history", n.path("history")).Replace(documented)
	for name, text := range map[string]string{
		"nagios.cfg": fmt.Sprintf(nagiosConfig, short, os.Getuid(), os.Getgid()), "objects.cfg": nagiosObjects + objects + more,
		"cities.csv": "name,title,host,latitude,longitude\nbaltimore,Baltimore,192.0.2.1,39.29,-76.61\nmilan,Milan,192.0.2.2,45.46,9.19\nparis,Paris,192.0.2.3,48.85,2.35\n",
	} {
		if err := os.WriteFile(n.path(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func (n *nagiosServer) path(name string) string { return filepath.Join(n.folder, name) }

// start lets it run.
func (n *nagiosServer) start() {
	n.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "nagios4", n.path("nagios.cfg"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	said, err := os.Create(n.path("said"))
	if err != nil {
		n.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() {
		defer close(n.ended)
		_ = cmd.Wait() // ends by our signal
	}()
	n.t.Cleanup(func() {
		cancel()
		<-n.ended
		said.Close()
		if n.t.Failed() {
			for _, name := range []string{"said", "log"} {
				text, _ := os.ReadFile(n.path(name))
				n.t.Logf("nagios' %s:\n%s", name, text)
			}
		}
	})
}

// round puts a round into the history, in which pings from Baltimore to Paris take
// so long, or are lost.
func (n *nagiosServer) round(at time.Time, avg float64, lost bool) {
	n.t.Helper()
	text := "source,destination,timestamp,min,avg,max,mdev,sent,received,state,round\n"
	when := at.UTC().Format(time.RFC3339)
	for _, pair := range [][2]string{{"baltimore", "paris"}, {"paris", "baltimore"}, {"baltimore", "milan"}, {"milan", "baltimore"}, {"paris", "milan"}, {"milan", "paris"}} {
		rtt := map[bool]float64{true: 100, false: 12}[pair[0] == "baltimore" || pair[1] == "baltimore"]
		figures, state := fmt.Sprintf("%g,%g,%g,0.5,10,10", rtt, rtt, rtt+1), "measured"
		if pair == [2]string{"baltimore", "paris"} {
			figures = fmt.Sprintf("%g,%g,%g,0.5,10,10", avg, avg, avg+1)
			if lost {
				figures, state = ",,,,10,0", "lost"
			}
		}
		text += fmt.Sprintf("%s,%s,%s,%s,%s,%s\n", pair[0], pair[1], when, figures, state, when)
	}
	if err := os.WriteFile(n.path("round.csv"), []byte(text), 0o666); err != nil {
		n.t.Fatal(err)
	}
	out, err := exec.Command(n.program, "import", "--history", n.path("history"), "--cities", n.path("cities.csv"), n.path("round.csv")).CombinedOutput()
	if err != nil {
		n.t.Fatalf("import: %v\n%s", err, out)
	}
}

// services are what Nagios says of each: its state, and what the plugin printed.
type nagiosService struct{ state, output, perfdata string }

func (n *nagiosServer) services() map[string]nagiosService {
	text, err := os.ReadFile(n.path("status.dat"))
	if err != nil {
		return nil // not yet
	}
	all := map[string]nagiosService{}
	for _, block := range regexp.MustCompile(`(?ms)^servicestatus \{\n(.*?)^\s*\}`).FindAllSubmatch(text, -1) {
		fields := map[string]string{}
		for line := range strings.Lines(string(block[1])) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			fields[name] = value
		}
		if fields["has_been_checked"] == "1" {
			state := []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[fields["current_state"][0]-'0']
			all[fields["service_description"]] = nagiosService{state, fields["plugin_output"], fields["performance_data"]}
		}
	}
	return all
}

// becomes waits until Nagios says so of a service.
func (n *nagiosServer) becomes(service, state, output string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), 2*time.Minute)
	defer cancel()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		now := n.services()[service]
		if now.state == state && strings.Contains(now.output, output) {
			n.t.Logf("%s: %s: %s | %s", service, now.state, now.output, now.perfdata)
			if state != "UNKNOWN" && !strings.Contains(now.perfdata, "rta=") {
				n.t.Errorf("%s has no performance data: %q", service, now.perfdata)
			}
			return
		}
		select {
		case <-n.ended:
			n.t.Fatal("nagios has ended")
		case <-ctx.Done():
			n.t.Fatalf("%s is not %s (%s) in two minutes, but %+v", service, state, output, now)
		case <-again.C:
		}
	}
}

// TestRealNagios: a real Nagios runs the check as docs/alarms.md has it, and shows
// every status, one after the other, as the rounds in the history change.
func TestRealNagios(t *testing.T) {
	n := startNagios(t, `
define service {
  use                  generic-service
  host_name            coordinator
  service_description  Limits
  check_command        check_matrix!-w 200,40% -c 500,80% --max-age 2h
}
define service {
  use                  generic-service
  host_name            coordinator
  service_description  One pair
  check_command        check_matrix!-w 300 -c 400 paris milan
}
define service {
  use                  generic-service
  host_name            coordinator
  service_description  A mistake
  check_command        check_matrix!-w many
}
`)
	at := time.Now().Add(-90 * time.Minute).Truncate(time.Minute)
	next := func(avg float64, lost bool) {
		at = at.Add(time.Minute)
		n.round(at, avg, lost)
	}
	for range 4 {
		next(100, false)
	}
	n.start()
	n.becomes("Limits", "OK", "6 pairs are well")
	n.becomes("One pair", "OK", "Paris → Milan")
	n.becomes("A mistake", "UNKNOWN", `range "many"`)
	n.becomes("Ping matrix", "OK", "the fleet")
	n.becomes("Ping matrix of Baltimore", "OK", "Baltimore: 4 pairs are well")

	next(250, false)
	n.becomes("Limits", "WARNING", "Baltimore → Paris 250.0 ms")
	n.becomes("Ping matrix of Baltimore", "CRITICAL", "100.0 ms as a rule")
	next(600, false)
	n.becomes("Limits", "CRITICAL", "Baltimore → Paris 600.0 ms")
	next(0, true)
	n.becomes("Limits", "CRITICAL", "no RTT, 100 % lost")
	n.becomes("One pair", "OK", "Paris → Milan")

	if err := os.Rename(n.path("history"), n.path("away")); err != nil {
		t.Fatal(err)
	}
	n.becomes("Limits", "UNKNOWN", "there is no history")
	if err := os.Rename(n.path("away"), n.path("history")); err != nil {
		t.Fatal(err)
	}
	next(100, false)
	n.becomes("Limits", "OK", "6 pairs are well")
}
