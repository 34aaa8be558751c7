package ssh

import (
	"errors"
	"fmt"
	"strings"

	"github.com/kballard/go-shellquote"

	"matrix/probe"
)

// CheckForced says whether a program that sshd runs in place of what was asked
// for, as a forced command, may answer. asked is what sshd has in
// SSH_ORIGINAL_COMMAND, of which nothing is ever run: only a coordinator that
// wants to measure is answered.
func CheckForced(asked string) error {
	switch purposeOf(asked) {
	case forStart, forLook:
		return nil
	case forInstall:
		return errors.New("this key is for measuring only: put matrix on this host in another way")
	}
	if asked == "" {
		return nil // by hand, or a key without a forced command
	}
	return fmt.Errorf("this key is for matrix alone: %q was not run", probe.Clean(asked, 60))
}

// purposeOf is what a command line of ours is for; "" if it is none of ours.
func purposeOf(commandLine string) string {
	words, err := shellquote.Split(commandLine)
	if err != nil || len(words) < 5 || strings.Join(words[:3], " ") != "exec /bin/sh -c" {
		return ""
	}
	return words[4]
}

// AuthorizedKey is the line of authorized_keys(5) that lets a key start the
// program at path, and nothing else. The key is its public half, as in a .pub
// file.
func AuthorizedKey(path string, args []string, key string) string {
	command := strings.Join(append([]string{shellquote.Join(path), "probe"}, args...), " ")
	return fmt.Sprintf(`restrict,command="%s" %s`, strings.ReplaceAll(command, `"`, `\"`), key)
}
