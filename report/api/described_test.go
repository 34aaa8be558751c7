package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"matrix/report"
	"matrix/report/live"
	"matrix/report/reporttest"
)

// described is the description, by which no member may be there that it does not
// have; in public it leaves room for members to come.
func described(t testing.TB) routers.Router {
	t.Helper()
	var tree any
	if err := json.Unmarshal(openAPI, &tree); err != nil {
		t.Fatal(err)
	}
	var strict func(any)
	strict = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if _, ok := v["properties"].(map[string]any); ok && v["type"] == "object" {
				v["additionalProperties"] = false
			}
			for _, member := range v {
				strict(member)
			}
		case []any:
			for _, member := range v {
				strict(member)
			}
		}
	}
	strict(tree)
	b, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return router
}

// conforms compares an answer with the description.
func conforms(t testing.TB, router routers.Router, h http.Handler, method, address string, headers ...string) (*http.Response, string) {
	t.Helper()
	request := httptest.NewRequest(method, address, nil)
	answer := ask(h, method, address, headers...)
	body := text(t, answer)
	route, path, err := router.FindRoute(request)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, PathParams: path, Route: route},
		Status:                 answer.StatusCode, Header: answer.Header, Body: io.NopCloser(strings.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		t.Errorf("%s %s: %d is not as described: %.1500v", method, address, answer.StatusCode, err)
	}
	return answer, body
}

// addresses are at least one of every route.
var addresses = []string{
	"status", "round", "matrix", "matrix?metric=fibre&stat=min", "matrix?metric=loss", "matrix?metric=distance", "matrix?metric=speed",
	"cities", "cities/milan", "cities/sydney", "pairs/baltimore/newyork", "pairs/dallas/paris", "verdicts", "rounds", "month", "openapi.json",
}

// TestDescribed: every route is described, and every member of every answer is as
// the description says, whatever there is to show.
func TestDescribed(t *testing.T) {
	router := described(t)
	full := shown(t)
	traced := reporttest.Traced(func(s string) string { return s })
	var empty service
	empty.now.Store(&live.Snapshot{Every: time.Hour, MaxAge: time.Hour})
	hostile := reporttest.Hostile()
	for name, h := range map[string]http.Handler{
		"full":    handler(full, 0),
		"stale":   handler(full, 5*time.Hour),
		"traced":  handler(show(t, &report.Round{Cities: traced.Cities, Start: atTest, End: atTest}, traced), 0),
		"empty":   handler(&empty, 0),
		"hostile": handler(show(t, hostile, report.New(hostile, report.Options{})), 0),
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range addresses {
				answer, body := conforms(t, router, h, http.MethodGet, Root+a)
				missing := (name == "traced" || name == "hostile") && strings.Contains(a, "/")
				switch {
				case missing || name == "empty" && a != "status" && a != "openapi.json":
					if answer.StatusCode/100 == 2 && name == "empty" {
						t.Errorf("%s: %s", a, answer.Status)
					}
				case answer.StatusCode != http.StatusOK:
					t.Errorf("%s: %s: %.200s", a, answer.Status, body)
				}
			}
		})
	}
	for _, r := range routes {
		path := regexp.MustCompile(`\{\w+\}`).ReplaceAllString(r.path, "milan")
		if _, _, err := router.FindRoute(httptest.NewRequest(http.MethodGet, Root+path, nil)); err != nil {
			t.Errorf("%s is not described: %v", r.path, err)
		}
		tried := false
		for _, a := range addresses {
			if ok, _ := regexp.MatchString("^"+regexp.MustCompile(`\{\w+\}`).ReplaceAllString(r.path, `[^/]+`)+`(\?|$)`, a); ok {
				tried = true
			}
		}
		if !tried {
			t.Errorf("no test asks for %s", r.path)
		}
	}
}

// TestNothingUndescribed: the description has no route and no member that no
// answer has.
func TestNothingUndescribed(t *testing.T) {
	var doc struct {
		Paths map[string]any
	}
	if err := json.Unmarshal(openAPI, &doc); err != nil {
		t.Fatal(err)
	}
	for path := range doc.Paths {
		found := false
		for _, r := range routes {
			found = found || Root+r.path == path
		}
		if !found {
			t.Errorf("%s is described and not there", path)
		}
	}
	if len(doc.Paths) != len(routes) {
		t.Errorf("%d paths, %d routes", len(doc.Paths), len(routes))
	}
}
