package report

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// ThresholdNames are what Set knows, in the order of the fields.
func ThresholdNames() []string {
	fields := reflect.TypeFor[Thresholds]()
	names := make([]string, fields.NumField())
	for i := range names {
		names[i] = kebab(fields.Field(i).Name)
	}
	return names
}

// Set reads one threshold as a person writes it: "over=30ms", "detour=1.5".
// Zero means none at all, as it does nowhere else: who writes it means it.
func (t *Thresholds) Set(text string) error {
	name, value, _ := strings.Cut(text, "=")
	for i, known := range ThresholdNames() {
		if known == strings.TrimSpace(name) {
			field := reflect.ValueOf(t).Elem().Field(i)
			if err := setField(field, strings.TrimSpace(value)); err != nil {
				return fmt.Errorf("threshold %s: %w", known, err)
			}
			return nil
		}
	}
	return fmt.Errorf("unknown threshold %q: want one of %s", name, strings.Join(ThresholdNames(), ", "))
}

func setField(field reflect.Value, value string) error {
	switch field.Interface().(type) {
	case time.Duration:
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 20ms", value)
		}
		field.SetInt(orNone(int64(d)))
	case int:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return fmt.Errorf("%q is not a number such as 3", value)
		}
		field.SetInt(orNone(int64(n)))
	default:
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= 0) || math.IsInf(v, 1) {
			return fmt.Errorf("%q is not a number such as 1.25", value)
		}
		field.SetFloat(orNone(v))
	}
	return nil
}

// orNone is a value that is not taken for "the default" where it is zero.
func orNone[N int64 | float64](v N) N {
	if v == 0 {
		return -1
	}
	return v
}

// kebab writes a field's name as flags are written: "LeastLost" is "least-lost".
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
