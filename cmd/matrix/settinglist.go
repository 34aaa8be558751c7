package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingUse is a setting as one or more commands have it, which give it the
// same default and the same words.
type settingUse struct {
	name     string
	flag     *pflag.Flag
	commands []string // "matrix trace"
}

// settingUses are all settings, in the order of the commands and their flags.
// One that means something else in another command is there again, behind the
// first.
func settingUses(root *cobra.Command) []settingUse {
	var all []settingUse
	for _, cmd := range settable(root) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			if isSetting(f) {
				all = addUse(all, f, cmd.CommandPath())
			}
		})
	}
	return all
}

// addUse adds a command's flag: to the same one of another command, or behind
// the last of its name.
func addUse(all []settingUse, f *pflag.Flag, command string) []settingUse {
	at := len(all)
	for i, u := range all {
		if u.name != f.Name {
			continue
		}
		if u.flag.Usage == f.Usage && u.flag.DefValue == f.DefValue {
			all[i].commands = append(u.commands, command)
			return all
		}
		at = i + 1
	}
	return slices.Insert(all, at, settingUse{name: f.Name, flag: f, commands: []string{command}})
}

// settable are the commands that take settings, the root first.
func settable(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	if takesSettings(cmd) {
		all = append(all, cmd)
	}
	for _, sub := range cmd.Commands() {
		all = append(all, settable(sub)...)
	}
	return all
}

// meaning is a flag's help without the quotes around what it takes.
func (u settingUse) meaning() string {
	_, usage := pflag.UnquoteUsage(u.flag)
	return usage
}

// value is the default as the file has it.
func (u settingUse) value() string {
	switch u.flag.Value.Type() {
	case "int", "uint64", "float64", "bool":
		return u.flag.DefValue
	case "stringArray":
		return "[]"
	case "duration":
		// 1h0m0s is what nobody writes.
		text := u.flag.DefValue
		if strings.HasSuffix(text, "m0s") {
			text = strings.TrimSuffix(strings.TrimSuffix(text, "0s"), "0m")
		}
		return strconv.Quote(text)
	}
	return strconv.Quote(u.flag.DefValue)
}

const settingsIntro = `# Settings of matrix. A key is the long name of a flag, its value what the flag
# takes. It holds for every command that has the flag. The command line goes
# before the environment (MATRIX_COUNT for count), and that before this file.
#
# What starts with # is what holds if you say nothing.
`

// writeSettings writes a file in which every setting stands as a comment, but
// for those that are given.
func writeSettings(w io.Writer, root *cobra.Command, given map[string]string) error {
	var b strings.Builder
	b.WriteString(settingsIntro)
	uses := settingUses(root)
	for i, u := range uses {
		if i == 0 || uses[i-1].name != u.name {
			b.WriteString("\n")
		}
		first := uses[slices.IndexFunc(uses, func(o settingUse) bool { return o.name == u.name })]
		for _, line := range wrap(u.meaning()+u.where(first), 76) {
			b.WriteString("# " + line + "\n")
		}
		if i+1 < len(uses) && uses[i+1].name == u.name {
			continue // the line stands below the last meaning
		}
		if value, ok := given[u.name]; ok {
			fmt.Fprintf(&b, "%s = %s\n", u.name, strconv.Quote(value))
		} else {
			fmt.Fprintf(&b, "#%s = %s\n", u.name, first.value())
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// where names the commands of a setting that not all that measure have, and
// their default where it is another than the first's.
func (u settingUse) where(first settingUse) string {
	if u.commands[0] == "matrix" {
		return ""
	}
	text := " [" + strings.Join(u.commands, ", ")
	if u.value() != first.value() {
		text += ": " + u.value()
	}
	return text + "]"
}

// wrap breaks a text into lines.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}

// readBounded reads a file that is not larger than it may be.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readLimited(f, path, limit)
}

// readLimited reads all of what must not be larger.
func readLimited(r io.Reader, name string, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("read %s: larger than %d MB", name, limit>>20)
	}
	return text, nil
}
