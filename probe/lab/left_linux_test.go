package lab

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"matrix/probe/lacktest"
)

// playHold is a program that holds a lab until it is killed.
func playHold(string) error {
	config := cities(5)
	config.Stdout, config.Stderr = os.Stdout, os.Stderr
	_, err := Run(context.Background(), config, []string{"sh", "-c", "sleep 4711 & echo $MATRIX_LAB_DIR; exec sleep 4712"})
	return err
}

// insiders are the processes of a lab and their network namespaces.
func insiders(folder string) (pids, spaces []string) {
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		env, _ := os.ReadFile(p + "/environ")
		if strings.Contains(string(env), EnvDir+"="+folder) {
			pids = append(pids, p)
			space, _ := os.Readlink(p + "/ns/net")
			spaces = append(spaces, space)
		}
	}
	return pids, spaces
}

// innerOf is the inner process of a program that holds a lab.
func innerOf(t *testing.T, holder int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", holder, holder))
	if err != nil {
		lacktest.Skip(t, "this kernel does not list children: "+err.Error())
	}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", holder))
	for _, task := range tasks {
		more, _ := os.ReadFile(task)
		text = append(text, more...)
	}
	var inner int
	if _, err := fmt.Sscan(string(text), &inner); err != nil {
		t.Fatalf("no child of %d: %v", holder, err)
	}
	return inner
}

// Nothing at all is left of a lab whose outer, or inner, process was killed.
func TestNothingLeft(t *testing.T) {
	startLab(t, cities(1)) // skips where there is none
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, victim := range []string{"outer", "inner"} {
		t.Run(victim, func(t *testing.T) {
			holder := exec.Command(self, "play-hold")
			out, err := holder.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := holder.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = holder.Wait() }()
			folder, err := bufio.NewReader(out).ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			folder = strings.TrimSpace(folder)
			pids, spaces := insiders(folder)
			if len(pids) == 0 {
				t.Fatal("found no process of the lab")
			}
			inner := innerOf(t, holder.Process.Pid)
			if victim == "inner" {
				err = syscall.Kill(inner, syscall.SIGKILL)
			} else {
				err = holder.Process.Kill()
			}
			if err != nil {
				t.Fatal(err)
			}
			eventually(t, "no process is left", func() bool {
				pids, _ := insiders(folder)
				return len(pids) == 0
			})
			eventually(t, "the inner process is gone", func() bool {
				stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", inner))
				return err != nil || !strings.HasPrefix(string(stat), innerName)
			})
			eventually(t, "the folder is gone", func() bool {
				_, err := os.Stat(folder)
				return err != nil
			})
			mounts, err := os.ReadFile("/proc/self/mountinfo")
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(mounts), folder) {
				t.Error("a mount is left")
			}
			all, _ := filepath.Glob("/proc/[0-9]*/ns/net")
			for _, p := range all {
				space, _ := os.Readlink(p)
				for _, s := range spaces {
					if s != "" && space == s {
						t.Errorf("%s is still in the lab's network", p)
					}
				}
			}
		})
	}
}

// A folder that nobody holds any more goes when the next lab starts; one that
// somebody holds stays.
func TestSweep(t *testing.T) {
	base := t.TempDir()
	l := &Lab{}
	var err error
	old, held := filepath.Join(base, folderPrefix+"1"), filepath.Join(base, folderPrefix+"2")
	for _, f := range []string{old, held, filepath.Join(base, "other")} {
		if err := os.Mkdir(f, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if l.lock, err = lockFolder(held); err != nil {
		t.Fatal(err)
	}
	defer l.lock.Close()
	sweep(base, 0)
	left, err := os.ReadDir(base)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), folderPrefix+"2 other"; got != want {
		t.Errorf("left: %s; want %s", got, want)
	}
}

// An ordinary user has everything that root has.
func TestAsUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the tests run as an ordinary user anyway")
	}
	folder, err := os.MkdirTemp("/tmp", "lab-as-user-") // t.TempDir is root's alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(folder, "lab.test")
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(binary, self, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	cmd := exec.Command(binary, "-test.v", "-test.short", "-test.run", "^(TestDoor|TestRun|TestRTT|TestTraceroute|TestTCP|TestSSH|TestNothingLeft)$")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "HOME=/nonexistent", "USER=nobody", "LOGNAME=nobody", "TMPDIR=/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
	if strings.Contains(string(out), "--- SKIP: TestDoor") {
		lacktest.Skip(t, "an ordinary user cannot have a lab here")
	}
}
