package server

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"matrix/probe"
	"matrix/probe/bus"
)

// users are who the server knows: the file users.conf, a line a key.
type users struct{ list []user }

type user struct {
	city    string // "" for the coordinator
	public  string
	revoked string // when, RFC 3339; "" if it is not
}

// userLine is what write writes: the city is in the comment behind.
var userLine = probe.Pattern(`^\s*(#\s*revoked (\S+)\s+)?\{ nkey: (U[A-Z2-7]{55}).* # (coordinator|city ([A-Za-z0-9_-]+))$`)

func readUsers(folder string) (*users, error) {
	text, err := readSmall(filepath.Join(folder, usersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return &users{}, nil
	}
	if err != nil {
		return nil, err
	}
	var all users
	for i, line := range strings.Split(string(text), "\n") {
		if !strings.Contains(line, "{ nkey:") {
			continue
		}
		m := userLine().FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: not a line that matrix wrote; mend it, or remove it", filepath.Join(folder, usersFile), i+1)
		}
		all.list = append(all.list, user{city: m[5], public: m[3], revoked: m[2]})
	}
	return &all, nil
}

func (u *users) has(city string) bool {
	for _, one := range u.list {
		if one.city == city && one.revoked == "" {
			return true
		}
	}
	return false
}

// add makes a key and its file.
func (u *users) add(folder, city, via string, ca []byte) error {
	key, err := bus.NewKey(city)
	if err != nil {
		return err
	}
	key.Via, key.CA = via, ca
	public, err := key.Public()
	if err != nil {
		return err
	}
	path := filepath.Join(folder, keyPath(city))
	if err := writeKey(path, key); err != nil {
		return fmt.Errorf("%w; a key whose city the server does not know is of no use: move it away", err)
	}
	u.list = append(u.list, user{city: city, public: public})
	return nil
}

const usersIntro = `# Made by matrix: the keys that the server knows, and what each may say. The
# secret halves are elsewhere.
accounts {
  MATRIX {
    jetstream: enabled
    users: [
`

func (u *users) write(folder string) error {
	var b bytes.Buffer
	b.WriteString(usersIntro)
	for _, one := range u.list {
		rights, who := bus.CoordinatorRights(), "coordinator"
		if one.city != "" {
			rights, who = bus.AgentRights(one.city), "city "+one.city
		}
		mark := "      "
		if one.revoked != "" {
			mark = "#     revoked " + one.revoked + " "
		}
		fmt.Fprintf(&b, "%s{ nkey: %s, permissions: { publish: %s, subscribe: %s%s } } # %s\n",
			mark, one.public, quoted(rights.Publish), quoted(rights.Subscribe), respond(rights), who)
	}
	b.WriteString("    ]\n  }\n}\n")
	return writeNew(filepath.Join(folder, usersFile), b.Bytes())
}

func respond(r bus.Rights) string {
	if !r.Respond {
		return ""
	}
	return `, allow_responses: { max: 1, expires: "10s" }`
}

func quoted(subjects []string) string {
	words := make([]string, len(subjects))
	for i, s := range subjects {
		words[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(words, ", ") + "]"
}

// Revoke takes a city's key out, and moves its file away. A server that reads
// its configuration again ends the connections that were made with it.
func Revoke(folder, city string, now time.Time) error {
	u, err := readUsers(folder)
	if err != nil {
		return err
	}
	if city == "" || !u.has(city) {
		return fmt.Errorf("%s: there is no key for %q that holds", filepath.Join(folder, usersFile), city)
	}
	for i := range u.list {
		if u.list[i].city == city && u.list[i].revoked == "" {
			u.list[i].revoked = now.UTC().Format(time.RFC3339)
		}
	}
	if err := u.write(folder); err != nil {
		return err
	}
	path := filepath.Join(folder, keyPath(city))
	err = os.Rename(path, path+".revoked")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // was taken to its host
	}
	return err
}

// Holder is one who has, or had, a key.
type Holder struct {
	City    string // "" for the coordinator
	Public  string
	Revoked string // when; "" if it holds
}

// Holders are all that the server knows, or knew.
func Holders(folder string) ([]Holder, error) {
	u, err := readUsers(folder)
	if err != nil {
		return nil, err
	}
	all := make([]Holder, len(u.list))
	for i, one := range u.list {
		all[i] = Holder{one.city, one.public, one.revoked}
	}
	return all, nil
}
