package export

import (
	"bytes"
	"testing"

	"matrix/report/reporttest"
)

func TestTraces(t *testing.T) {
	var text bytes.Buffer
	if err := Traces(&text, reporttest.Traces(), nil); err != nil {
		t.Fatal(err)
	}
	reporttest.Golden(t, "traces.json", text.Bytes())
}
