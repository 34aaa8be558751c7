package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"matrix/data"
	"matrix/probe/lacktest"
)

// TestExamplesAreRead reads what the packages bring for people to change.
func TestExamplesAreRead(t *testing.T) {
	inventory, err := data.OpenInventory("../cities.csv")
	if err != nil || len(inventory.Cities) != 3 {
		t.Errorf("%+v, %v", inventory, err)
	}
	var settings map[string]any
	if _, err := toml.DecodeFile("../matrix.toml", &settings); err != nil {
		t.Error(err)
	}
	if settings["cities"] != "/etc/matrix/cities.csv" {
		t.Errorf("the inventory is %v", settings["cities"])
	}
}

func TestMaintainerScriptsParse(t *testing.T) {
	scripts, err := filepath.Glob("../scripts/*.sh")
	if err != nil || len(scripts) != 3 {
		t.Fatalf("%v, %v", scripts, err)
	}
	for _, script := range append(scripts, "testdata/acceptance.sh") {
		command(t, "sh", "-n", script)
	}
}

// TestUnitsAreTight holds the services to the exposure that is promised.
func TestUnitsAreTight(t *testing.T) {
	lacktest.Programs(t, "systemd-analyze")
	for unit, most := range map[string]string{"matrix.service": "20", "matrix-agent.service": "20", "matrix-report.service": "10"} {
		out, err := exec.CommandContext(t.Context(), "systemd-analyze", "security", "--no-pager", "--offline=yes",
			"--threshold="+most, "../systemd/"+unit).CombinedOutput()
		if strings.Contains(string(out), "unrecognized option") {
			t.Skip("this systemd-analyze cannot look at files: it is older than version 250")
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", unit, err, out)
		}
	}
}
