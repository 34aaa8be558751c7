package probe

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// City is an entry of the inventory: a place with one host that pings and is
// pinged. A round keeps its cities as they were when it was measured.
type City struct {
	Name     string    `json:"name"`               // unique slug, such as "newyork"
	Title    string    `json:"title"`              // for people, such as "New York"
	Host     string    `json:"host,omitempty"`     // address or name to measure, and to reach if SSH is empty
	SSH      string    `json:"ssh,omitempty"`      // what to hand to ssh where it differs from Host
	Country  string    `json:"country,omitempty"`  //
	Region   string    `json:"region,omitempty"`   //
	Provider string    `json:"provider,omitempty"` //
	Location *Location `json:"location,omitempty"` // nil: not known
}

// Location is a place in degrees, north and east positive.
type Location struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Login is what the transport is asked to connect to.
func (c City) Login() string {
	if c.SSH != "" {
		return c.SSH
	}
	return c.Host
}

// Pair is an ordered pair of city names: From runs the ping, To answers.
type Pair struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (p Pair) String() string { return p.From + " → " + p.To }

// Reverse is the other direction.
func (p Pair) Reverse() Pair { return Pair{p.To, p.From} }

// IsSelf says whether a city pings itself; self pairs are drawn, never counted.
func (p Pair) IsSelf() bool { return p.From == p.To }

// hostPattern accepts host names, IPv4 and IPv6 literals (with a zone). It
// leaves no room for an option, a space or a shell's metacharacter.
var hostPattern = Pattern(`^[A-Za-z0-9_]([A-Za-z0-9_.:%-]{0,252}[A-Za-z0-9_.])?$|^::[0-9A-Fa-f:.]*$`)

// loginPattern accepts what ssh takes for a destination: host, user@host or
// ssh://user@host:port.
var loginPattern = Pattern(`^(ssh://)?([A-Za-z0-9_][A-Za-z0-9_.+-]*@)?[A-Za-z0-9_:\[][A-Za-z0-9_.:%\[\]-]*$`)

// Pattern is a regular expression that is compiled when it is first needed: the
// program would else take milliseconds for all of them at every start. It panics
// then if the expression is wrong.
func Pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// CheckHost refuses a host that is not a name or an address. Hosts end up on
// command lines; one that starts with a dash must never get there.
func CheckHost(host string) error {
	if !hostPattern().MatchString(host) {
		return fmt.Errorf("%q is not a host name or address", host)
	}
	return nil
}

// CheckLogin refuses a destination that ssh could take for something else.
func CheckLogin(login string) error {
	if !loginPattern().MatchString(login) {
		return fmt.Errorf("%q is not an ssh destination (host, user@host or ssh://user@host:port)", login)
	}
	return nil
}

// Clean makes a text from the network fit to be shown: control and format
// characters (terminal escapes, right-to-left marks) become spaces, runs of
// space shrink to one, and it is cut to max runes.
func Clean(text string, max int) string {
	words := strings.FieldsFunc(strings.ToValidUTF8(text, "�"), func(r rune) bool {
		return unicode.IsSpace(r) || !unicode.IsPrint(r)
	})
	runes := []rune(strings.Join(words, " "))
	if len(runes) > max {
		return string(runes[:max-1]) + "…"
	}
	return string(runes)
}
