package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"matrix/data"
	"matrix/probe"
)

const (
	settingsFile = "matrix.toml"
	noSettings   = "none"
	// settingOf is the annotation of a flag that says where its value is from.
	settingOf = "matrix_setting"
	// maxSettings is far more than a file of all settings takes.
	maxSettings = 1 << 20
)

// unset are the commands that take no settings: the far side, which obeys the
// coordinator; what works without a fleet; and what makes the settings.
var unset = []string{"probe", "agent", "keys", "version", "demo", "lab", "init", "man", "completion", "help"}

// once are flags that say what one command is to do now, or that mean something
// else in each command. In a file they would surprise.
var once = []string{"help", "config", "in", "from", "to", "at", "month", "since", "until", "format", "json", "check", "explain", "fill", "probes", "move", "dry-run"}

// notHere is the annotation of a flag that is a setting of other commands, and
// means something else in its own.
const notHere = "matrix_no_setting"

// isSetting says whether a flag takes its value from a setting.
func isSetting(f *pflag.Flag) bool {
	return !slices.Contains(once, f.Name) && f.Annotations[notHere] == nil
}

// opposites cannot both be; the one that is nearer to the person holds.
var opposites = [][2]string{{"ipv4", "ipv6"}, {"quiet", "verbose"}}

// setting is a value for a flag, and where it is from.
type setting struct {
	name   string
	values []string // several for a flag that may be repeated
	file   string   // or variable
	line   int      // 0 of a variable
}

func (s setting) origin() string {
	if s.line == 0 {
		return s.file
	}
	return fmt.Sprintf("%s:%d", s.file, s.line)
}

func (s setting) wrong(problem, hint string) error {
	return &data.FileError{File: s.file, Line: s.line, Column: 1, Field: s.name, Value: strings.Join(s.values, ", "), Problem: problem, Hint: hint}
}

// registerSettings has every command below root take its settings.
func registerSettings(root *cobra.Command) {
	root.PersistentFlags().String("config", "", "settings, a `FILE`, or none (default ./matrix.toml, $XDG_CONFIG_HOME/matrix/matrix.toml or /etc/matrix/matrix.toml, the first there is)")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return applySettings(cmd) }
}

// applySettings gives the flags that are not on the command line the values of
// the environment, or else of the settings file. The flags do not count as
// changed: they clash with none that were given.
func applySettings(cmd *cobra.Command) error {
	if !takesSettings(cmd) {
		return nil
	}
	path, err := findSettings(cmd.Flags().Lookup("config").Value.String())
	if err != nil {
		return err
	}
	var fromFile []setting
	if path != "" {
		if fromFile, err = readSettings(path, settingNames(cmd.Root())); err != nil {
			return err
		}
	}
	taken := map[string]bool{}
	cmd.Flags().Visit(func(f *pflag.Flag) { taken[f.Name] = true })
	for _, source := range [][]setting{environment(cmd.Flags()), fromFile} {
		if err := applyAll(cmd.Flags(), source, taken); err != nil {
			return err
		}
	}
	return nil
}

// takesSettings looks at the command below the root that this one is, or is
// part of.
func takesSettings(cmd *cobra.Command) bool {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	return !slices.Contains(unset, cmd.Name())
}

// applyAll applies the settings of one source, and adds their flags to those
// that are taken.
func applyAll(flags *pflag.FlagSet, source []setting, taken map[string]bool) error {
	var applied []setting
	for _, s := range source {
		f := flags.Lookup(s.name)
		if f == nil || !isSetting(f) || taken[s.name] || overruled(s.name, taken) {
			continue
		}
		if err := s.apply(f); err != nil {
			return err
		}
		for _, other := range applied {
			if opposed(s.name, other.name) && f.Value.String() == "true" && flags.Lookup(other.name).Value.String() == "true" {
				return s.wrong("cannot go together with "+other.name+" ("+other.origin()+")", "keep one of them")
			}
		}
		applied = append(applied, s)
	}
	for _, s := range applied {
		taken[s.name] = true
	}
	return nil
}

func opposed(a, b string) bool {
	return slices.Contains(opposites, [2]string{a, b}) || slices.Contains(opposites, [2]string{b, a})
}

func overruled(name string, taken map[string]bool) bool {
	for other := range taken {
		if opposed(name, other) {
			return true
		}
	}
	return false
}

// apply sets a flag that has its default.
func (s setting) apply(f *pflag.Flag) error {
	list := f.Value.Type() == "stringArray"
	if !list && len(s.values) != 1 {
		return s.wrong("a list", "want "+wanted(f))
	}
	if !list && s.values[0] == f.DefValue {
		return nil
	}
	for _, value := range s.values {
		if err := f.Value.Set(value); err != nil {
			return s.wrong("want "+wantedOr(f, err), "")
		}
	}
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[settingOf] = []string{s.origin()}
	return nil
}

// wanted says what a flag takes.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "int":
		return "a whole number, such as " + f.DefValue
	case "uint64":
		return "a whole number that is not negative, such as " + f.DefValue
	case "float64":
		return "a number, such as " + f.DefValue
	case "bool":
		return "true or false"
	case "duration":
		return `a time, such as "500ms", "10s" or "1h"`
	}
	return "one text"
}

// wantedOr is what a flag takes, or, of a flag of our own, what it says.
func wantedOr(f *pflag.Flag, err error) string {
	if text := wanted(f); text != "one text" {
		return text
	}
	return strings.TrimPrefix(err.Error(), "want ")
}

// blame adds to a mistake in the arguments the settings that it speaks of: the
// person did not type them.
func blame(cmd *cobra.Command, err error) error {
	if err == nil || exitStatus(err) != exitArguments {
		return err
	}
	var origins []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		spoken := regexp.MustCompile(`--` + f.Name + `\b|^` + f.Name + ` `)
		if from := f.Annotations[settingOf]; len(from) > 0 && spoken.MatchString(err.Error()) {
			origins = append(origins, f.Name+" is set in "+from[0])
		}
	})
	if len(origins) == 0 {
		return err
	}
	return fmt.Errorf("%w (%s)", err, strings.Join(origins, ", "))
}

// findSettings is the settings file: the one that is named, or the first there
// is; "" if there is none.
func findSettings(named string) (string, error) {
	if named == "" {
		named = os.Getenv(variable("config"))
	}
	switch named {
	case noSettings:
		return "", nil
	case "":
	default:
		return named, nil
	}
	for _, path := range settingsPlaces() {
		info, err := os.Stat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission):
			continue
		case err != nil:
			return "", fmt.Errorf("settings: %w", err)
		}
		return path, trust(path, info)
	}
	return "", nil
}

// settingsPlaces are where the file is looked for, the nearest first.
func settingsPlaces() []string {
	places := []string{settingsFile}
	if folder, err := os.UserConfigDir(); err == nil {
		places = append(places, filepath.Join(folder, "matrix", settingsFile))
	}
	return append(places, filepath.Join("/etc/matrix", settingsFile))
}

// trust refuses a file that was only found, not named, and that anybody may
// have written: settings can name a program to run.
func trust(path string, info fs.FileInfo) error {
	problem := ""
	switch {
	case info.Mode().Perm()&0o002 != 0:
		problem = "anybody may write to it"
	case !ownOrRoot(info):
		problem = "it belongs to somebody else"
	default:
		return nil
	}
	return &data.FileError{File: path, Problem: problem, Hint: "settings can name a program to run; if they are to be used, name the file with --config"}
}

// settingNames are all keys that a file may have: the flags of every command.
func settingNames(root *cobra.Command) []string {
	var names []string
	for _, u := range settingUses(root) {
		names = append(names, u.name)
	}
	return names
}

// variable is the environment's name of a setting.
func variable(name string) string {
	return "MATRIX_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// environment are the settings among the variables. An empty one is none.
func environment(flags *pflag.FlagSet) []setting {
	var found []setting
	flags.VisitAll(func(f *pflag.Flag) {
		value := os.Getenv(variable(f.Name))
		if value == "" || !isSetting(f) {
			return
		}
		values := []string{value}
		if f.Value.Type() == "stringArray" {
			values = strings.Split(value, "\n")
		}
		found = append(found, setting{name: f.Name, values: values, file: variable(f.Name)})
	})
	return found
}

// readSettings reads a file, in the order of its lines.
func readSettings(path string, names []string) ([]setting, error) {
	text, err := readBounded(path, maxSettings)
	if err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	var table map[string]any
	meta, err := toml.Decode(string(text), &table)
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return nil, &data.FileError{File: path, Line: syntax.Position.Line, Problem: probe.Clean(syntax.Message, 200), Hint: `a setting is a line such as interval = "500ms"`}
	}
	if err != nil {
		return nil, fmt.Errorf("settings: %s: %w", path, err)
	}
	var all []setting
	for _, key := range meta.Keys() {
		s := setting{name: key[0], file: path, line: lineOfKey(string(text), key)}
		_, isTable := table[key[0]].(map[string]any)
		if err := s.known(names, isTable); err != nil {
			return nil, err
		}
		if err := s.read(table[key[0]]); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// known refuses a key that is no flag.
func (s setting) known(names []string, table bool) error {
	e := &data.FileError{File: s.file, Line: s.line}
	name := probe.Clean(s.name, 60)
	switch {
	case slices.Contains(once, s.name):
		e.Problem, e.Hint = name+" is no setting: it says what one command is to do", "give it on the command line, as --"+name
	case !slices.Contains(names, s.name):
		e.Problem, e.Hint = fmt.Sprintf("unknown setting %q", name), "docs/settings.md lists them"
		if near := data.Nearest(s.name, names); len(near) > 0 {
			e.Hint = "did you mean " + near[0] + "?"
		}
	case table:
		e.Problem, e.Hint = name+" is a table", "settings are lines such as count = 10, without brackets or dots"
	default:
		return nil
	}
	return e
}

// read takes a value of the file as a flag takes it.
func (s *setting) read(value any) error {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, one := range list {
		switch one := one.(type) {
		case string, bool, int64, float64:
			s.values = append(s.values, fmt.Sprint(one))
		default:
			return s.wrong("neither text nor number nor true or false", `write it as on the command line, in quotation marks`)
		}
	}
	return nil
}

// lineOfKey is where a key stands; 0 if it cannot be told.
func lineOfKey(text string, key toml.Key) int {
	stands := regexp.MustCompile(`^\s*(\[+\s*)?["']?` + regexp.QuoteMeta(key[0]) + `["']?\s*[=.\]]`)
	for i, line := range strings.Split(text, "\n") {
		if stands.MatchString(line) {
			return i + 1
		}
	}
	return 0
}
