package s3

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"matrix/data/history"
)

func TestParseLocation(t *testing.T) {
	for text, want := range map[string]Location{
		"s3://fleet":              {"fleet", ""},
		"s3://fleet/":             {"fleet", ""},
		"s3://fleet/a/b":          {"fleet", "a/b"},
		"s3://fleet.example/a b/": {"fleet.example", "a b"},
	} {
		got, err := ParseLocation(text)
		if err != nil || got != want {
			t.Errorf("%q is %+v, want %+v: %v", text, got, want, err)
		}
		if again, err := ParseLocation(got.String()); err != nil || again != got {
			t.Errorf("%q is read back as %+v: %v", got, again, err)
		}
	}
	for _, text := range []string{"", "fleet", "S3://fleet", "s3://", "s3:///a", "s3://f", "s3://a..b", "s3://-fleet", "s3://fle et", "s3://fleet//a", "s3://fleet/a//b", "s3://fleet/../a", "s3://fleet/a\nb"} {
		if got, err := ParseLocation(text); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%q is %+v: %v", text, got, err)
		}
	}
}

func opened(t *testing.T, where string, env map[string]string) (*Bucket, error) {
	t.Helper()
	at, err := ParseLocation(where)
	if err != nil {
		t.Fatal(err)
	}
	return Open(at, Options{Cache: t.TempDir(), Tries: 1, Getenv: func(name string) string { return env[name] }})
}

func TestEnvironment(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	credentials := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(credentials, []byte("[default]\naws_access_key_id = fromfile\naws_secret_access_key = hidden\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", credentials)
	tests := []struct {
		env           map[string]string
		host, keyID   string
		region, token string
	}{
		{map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}, "127.0.0.1:9000", "k", "us-east-1", ""},
		{map[string]string{"AWS_ENDPOINT_URL_S3": "https://a.example", "AWS_ENDPOINT_URL": "https://b.example", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
			"AWS_SESSION_TOKEN": "t", "AWS_DEFAULT_REGION": "xx-1"}, "a.example", "k", "xx-1", "t"},
		{map[string]string{"AWS_ENDPOINT_URL": "https://a.example/", "AWS_ACCESS_KEY_ID": "k"}, "a.example", "fromfile", "us-east-1", ""},
		{map[string]string{"AWS_REGION": "eu-central-1"}, "s3.amazonaws.com", "fromfile", "eu-central-1", ""},
	}
	for _, test := range tests {
		b, err := opened(t, "s3://fleet", test.env)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := b.client.GetCreds()
		if err != nil || b.endpoint.Host != test.host || keys.AccessKeyID != test.keyID || keys.SessionToken != test.token {
			t.Errorf("%v: %v, key %q, token %q: %v", test.env, b.endpoint, keys.AccessKeyID, keys.SessionToken, err)
		}
	}
	for _, endpoint := range []string{"127.0.0.1:9000", "ftp://a.example", "https://", "https://a.example/path"} {
		if _, err := opened(t, "s3://fleet", map[string]string{"AWS_ENDPOINT_URL": endpoint}); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	if _, err := opened(t, "s3://fleet", map[string]string{"AWS_CA_BUNDLE": credentials}); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Error(err)
	}
}

func TestNamesDiffer(t *testing.T) {
	met := make(map[string]string)
	for _, endpoint := range []string{"http://127.0.0.1:9000", "http://127.0.0.1:9001", "http://[::1]:9000"} {
		for _, where := range []string{"s3://fleet", "s3://fleet/a", "s3://fleet/a/b", "s3://fleet/a%2Fb", "s3://flee/t"} {
			b, err := opened(t, where, map[string]string{"AWS_ENDPOINT_URL": endpoint})
			if err != nil {
				t.Fatal(err)
			}
			name := b.Name()
			if other, ok := met[name]; ok || name != filepath.Base(name) || strings.ContainsAny(name, `/\:`) {
				t.Errorf("%s at %s is %q, as is %s", where, endpoint, name, other)
			}
			met[name] = where + " at " + endpoint
		}
	}
}

// TestNobodyThere asks where no server is: the error says so, and is no damage.
func TestNobodyThere(t *testing.T) {
	b, err := opened(t, "s3://fleet/a", map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "top secret"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = b.List(t.Context(), "samples")
	if !errors.Is(err, history.ErrUnreachable) {
		t.Fatal(err)
	}
	for _, want := range []string{"list s3://fleet/a/samples: ", "connection refused", "is a server running at 127.0.0.1:1 (AWS_ENDPOINT_URL)?"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v: want %q in it", err, want)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
}
