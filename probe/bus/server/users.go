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
type users struct {
	list   []user
	shared bool // it is of an older version: all have one account
}

type user struct {
	city    string // "" for the coordinator
	public  string
	revoked string // when, RFC 3339; "" if it is not
}

// userLine is what write writes: the city is in the comment behind.
var userLine = probe.Pattern(`^\s*(#\s*revoked (\S+)\s+)?\{ nkey: (U[A-Z2-7]{55}).* # (coordinator|city ([A-Za-z0-9_-]+))$`)

// accountLine begins an account.
var accountLine = probe.Pattern(`^ {2}(\w[\w-]*) \{$`)

func readUsers(folder string) (*users, error) {
	text, err := readSmall(filepath.Join(folder, usersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return &users{}, nil
	}
	if err != nil {
		return nil, err
	}
	var all users
	account := ""
	for i, line := range strings.Split(string(text), "\n") {
		if m := accountLine().FindStringSubmatch(line); m != nil {
			account = m[1]
		}
		if !strings.Contains(line, "{ nkey:") {
			continue
		}
		m := userLine().FindStringSubmatch(line)
		if m == nil {
			return nil, fmt.Errorf("%s:%d: not a line that matrix wrote; mend it, or remove it", filepath.Join(folder, usersFile), i+1)
		}
		all.shared = all.shared || account != bus.Account(m[5])
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
# secret halves are elsewhere. Each city has an account of its own, so that answers
# to what its key says come to nobody else.
accounts {
`

func (u *users) write(folder string) error {
	cities := u.cities()
	var b bytes.Buffer
	b.WriteString(usersIntro)
	fmt.Fprintf(&b, "  %s {\n    jetstream: enabled\n", bus.Account(""))
	u.writeKeys(&b, "")
	writeExports(&b, bus.CoordinatorPassages("*"))
	b.WriteString("    imports: [\n")
	for _, city := range cities {
		writeImports(&b, bus.Account(city), bus.AgentPassages(city))
	}
	b.WriteString("    ]\n  }\n")
	for _, city := range cities {
		fmt.Fprintf(&b, "  %s {\n", bus.Account(city))
		u.writeKeys(&b, city)
		writeExports(&b, bus.AgentPassages(city))
		b.WriteString("    imports: [\n")
		writeImports(&b, bus.Account(""), bus.CoordinatorPassages(city))
		b.WriteString("    ]\n  }\n")
	}
	b.WriteString("}\n")
	return writeNew(filepath.Join(folder, usersFile), b.Bytes())
}

// cities are those that have, or had, a key. The account of one whose key was revoked
// stays: a server does not take in a new one as easily as a new key.
func (u *users) cities() []string {
	var all []string
	known := map[string]bool{"": true}
	for _, one := range u.list {
		if !known[one.city] {
			known[one.city] = true
			all = append(all, one.city)
		}
	}
	return all
}

// writeKeys writes the keys of a city. They are for clients: of one that comes as a leaf
// node the server (2.15.2) believes the subject behind an @ of the answer's.
func (u *users) writeKeys(b *bytes.Buffer, city string) {
	rights, who := bus.CoordinatorRights(), "coordinator"
	if city != "" {
		rights, who = bus.AgentRights(city), "city "+city
	}
	b.WriteString("    users: [\n")
	for _, one := range u.list {
		if one.city != city {
			continue
		}
		mark := "      "
		if one.revoked != "" {
			mark = "#     revoked " + one.revoked + " "
		}
		fmt.Fprintf(b, "%s{ nkey: %s, allowed_connection_types: [STANDARD], permissions: { publish: %s, subscribe: %s%s } } # %s\n",
			mark, one.public, quoted(rights.Publish), quoted(rights.Subscribe), respond(rights), who)
	}
	b.WriteString("    ]\n")
}

func writeExports(b *bytes.Buffer, passages []bus.Passage) {
	b.WriteString("    exports: [\n")
	for _, p := range passages {
		limit := ""
		if p.Answer > 0 {
			limit = fmt.Sprintf(", response_threshold: %q", p.Answer)
		}
		fmt.Fprintf(b, "      { %s: %q%s }\n", kind(p), p.Subject, limit)
	}
	b.WriteString("    ]\n")
}

// writeImports writes the passages to an account.
func writeImports(b *bytes.Buffer, account string, passages []bus.Passage) {
	for _, p := range passages {
		fmt.Fprintf(b, "      { %s: { account: %s, subject: %q } }\n", kind(p), account, p.Subject)
	}
}

// kind is what the server calls a passage.
func kind(p bus.Passage) string {
	if p.Heard {
		return "stream"
	}
	return "service"
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

// Holders are all that the server knows, or knew. It is an error if they share an
// account.
func Holders(folder string) ([]Holder, error) {
	u, err := readUsers(folder)
	if err != nil {
		return nil, err
	}
	if u.shared {
		return nil, fmt.Errorf("%s is of an older version, with one account for all cities; matrix init --nats NAME writes it anew, with the keys as they are", filepath.Join(folder, usersFile))
	}
	all := make([]Holder, len(u.list))
	for i, one := range u.list {
		all[i] = Holder{one.city, one.public, one.revoked}
	}
	return all, nil
}
