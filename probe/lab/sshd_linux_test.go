package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"matrix/probe/lacktest"
)

func sshLab(t *testing.T, faults ...Fault) *Lab {
	t.Helper()
	lacktest.Programs(t, "ssh")
	config := cities(3)
	config.Sshd = true
	config.Routes = &Routes{Cities: faults}
	return startLab(t, config)
}

func TestSSH(t *testing.T) {
	l := sshLab(t)
	for _, name := range []string{"c1", "c1.lab.example", "198.18.0.2"} {
		got := l.must(t, Operator, "ssh -o BatchMode=yes "+name+" 'hostname; echo $HOME; pwd; nice'")
		home := l.Folder + "/cities/c1/home"
		if want := "c1\n" + home + "\n" + home + "\n19\n"; got != want {
			t.Errorf("ssh %s: %q, want %q", name, got, want)
		}
	}
	l.must(t, Operator, "cd $MATRIX_LAB_DIR && echo cargo >cargo && scp -q cargo c2:")
	if got := l.must(t, "c2", "cat cargo"); got != "cargo\n" {
		t.Errorf("scp: %q", got)
	}
	if status, text := l.output(t, "c1", "cat cargo"); status == 0 {
		t.Errorf("two cities have one home: %q", text)
	}
}

func TestSSHFaults(t *testing.T) {
	l := sshLab(t, Fault{Name: "c0", SSHD: "none"}, Fault{Name: "c1", Key: "wrong"}, Fault{Name: "c2", Shell: "/bin/echo", Disk: "64k"})
	for city, want := range map[string]string{"c0": "Connection refused", "c1": "REMOTE HOST IDENTIFICATION HAS CHANGED"} {
		if status, text := l.output(t, Operator, "ssh -o BatchMode=yes "+city+" hostname"); status != 255 || !strings.Contains(text, want) {
			t.Errorf("%s: status %d, want 255 and %q\n%s", city, status, want, text)
		}
	}
	if got := l.must(t, Operator, "ssh c2 hostname"); got != "-c hostname\n" {
		t.Errorf("a city with another shell: %q", got)
	}
	if status, text := l.output(t, "c2", "head -c 100000 /dev/zero >big"); status == 0 || !strings.Contains(text, "No space left") {
		t.Errorf("100 kB on a disk of 64k: status %d, %s", status, text)
	}
}

// An sshd can be stopped and started again, as doc.go says.
func TestSSHRestart(t *testing.T) {
	l := sshLab(t)
	pid := filepath.Join(l.Folder, "cities", "c1", "sshd.pid")
	sshd, err := findProgram("sshd")
	if err != nil {
		t.Fatal(err)
	}
	l.must(t, Operator, "kill $(cat "+pid+")")
	eventually(t, "its PID file goes", func() bool {
		_, err := os.Stat(pid)
		return err != nil
	})
	if status, _ := l.output(t, Operator, "ssh c1 true"); status != 255 {
		t.Errorf("ssh without sshd: status %d", status)
	}
	l.must(t, "c1", sshd+" -f ../sshd_config")
	eventually(t, "its PID file comes back", func() bool {
		_, err := os.Stat(pid)
		return err == nil
	})
	l.must(t, Operator, "ssh c1 true")
}
