//go:build unix

package ssh

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWhatAForcedCommandAnswers(t *testing.T) {
	for asked, refusal := range map[string]string{
		"": "",
		shellCommand(forStart, startBuild, ".cache/matrix/matrix-0123456789abcdef"): "",
		shellCommand(forStart, startVersion, "/opt/it's here/matrix", "v7"):         "",
		shellCommand(forLook, look, "a", "b"):                                       "",
		shellCommand(forInstall, installBuild, "a", "b"):                            "measuring only",
		shellCommand(forInstall, keepLink, "a", "b"):                                "measuring only",
		"id":                                   "for matrix alone",
		"internal-sftp":                        "for matrix alone",
		"scp -t /tmp":                          "for matrix alone",
		"exec /bin/sh -c 'id'":                 "for matrix alone",
		"exec /bin/sh -c 'id' matrix-start; x": "for matrix alone",
		"exec /bin/sh -c 'unfinished":          "for matrix alone",
		"x\x1b[2Jy":                            "for matrix alone",
	} {
		err := CheckForced(asked)
		switch {
		case refusal == "" && err != nil:
			t.Errorf("%q is refused: %v", asked, err)
		case refusal != "" && (err == nil || !strings.Contains(err.Error(), refusal) || strings.Contains(err.Error(), "\x1b")):
			t.Errorf("%q: %v, want %q", asked, err, refusal)
		}
	}
}

func TestDeployTwice(t *testing.T) {
	d, home := shell(t)
	for _, path := range []string{"", filepath.Join(home, "opt", "it's here", "matrix")} {
		d.RemotePath = path
		if _, err := d.Deploy(t.Context(), baltimore, true); err == nil || !strings.Contains(err.Error(), "matrix is missing there") {
			t.Errorf("%q: looked, and found %v", path, err)
		}
		for i, put := range []bool{true, false} {
			done, err := d.Deploy(t.Context(), baltimore, !put)
			if err != nil || done.Put != put || done.Forced || done.Path != d.KeptPath() {
				t.Errorf("%q, time %d: %+v, %v", path, i, done, err)
			}
		}
		kept := d.KeptPath()
		if path == "" {
			kept = filepath.Join(home, kept)
		}
		if text, err := os.ReadFile(kept); err != nil || string(text) != program {
			t.Errorf("%s: %q, %v", kept, text, err)
		}
		write(t, kept, "#!/bin/sh\n")
		if _, err := d.Deploy(t.Context(), baltimore, true); err == nil || !strings.Contains(err.Error(), "another matrix is there") {
			t.Errorf("%q: looked at another, and found %v", path, err)
		}
	}
}

func TestAHostThatIsForced(t *testing.T) {
	d, _ := shell(t)
	write(t, d.Command[0], "#!/bin/sh\necho Welcome; echo 'matrix-probe 1 {}'; exec cat\n")
	if done, err := d.Deploy(t.Context(), baltimore, false); err != nil || !done.Forced || done.Put {
		t.Errorf("%+v, %v", done, err)
	}
	write(t, d.Command[0], "#!/bin/sh\nyes nonsense\n")
	if done, err := d.Deploy(t.Context(), baltimore, false); err == nil {
		t.Errorf("a host that talks nonsense: %+v", done)
	}
}

func TestAuthorizedKey(t *testing.T) {
	got := AuthorizedKey(`/opt/a "b"/matrix`, []string{"--allow", "192.0.2.0/24"}, "ssh-ed25519 AAAA")
	if want := `restrict,command="'/opt/a \"b\"/matrix' probe --allow 192.0.2.0/24" ssh-ed25519 AAAA`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
