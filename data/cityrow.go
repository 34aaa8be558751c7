package data

import (
	"fmt"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"matrix/probe"
)

// Bounds of what a city is called. Tables are drawn with these texts.
const (
	maxName  = 40
	maxTitle = 60
)

// words reads a text for people. Odd spaces and invisible marks are what
// copying from a web page leaves behind, and are cleaned; control characters
// nobody types, and they are refused.
func (b *inventoryReader) words(r row, column string) string {
	value := b.columns.get(r, column)
	i := b.columns[column]
	if at := strings.IndexFunc(value, unicode.IsControl); at >= 0 {
		c, _ := utf8.DecodeRuneInString(value[at:])
		b.bad(r, i, fmt.Sprintf("contains the control character %U", c), "remove it")
		return ""
	}
	if n := utf8.RuneCountInString(value); n > maxTitle {
		b.bad(r, i, fmt.Sprintf("%d characters long", n), fmt.Sprintf("%d are enough", maxTitle))
		return ""
	}
	return probe.Clean(value, maxTitle)
}

// name reads name and title; each can be made from the other.
func (b *inventoryReader) name(r row, c *probe.City) {
	name, title := b.words(r, "name"), b.words(r, "title")
	column := "name"
	if name == "" {
		name, column = title, "title"
	}
	if title == "" {
		title = name
	}
	c.Name, c.Title = Slug(name), title
	switch {
	case b.columns.get(r, "name") == "" && b.columns.get(r, "title") == "":
		b.bad(r, b.columns[b.nameColumn()], "the city has no name", "give it a name or a title")
	case name == "": // refused by words
	case c.Name == "":
		b.bad(r, b.columns[column], "no letter or digit to make a name from", "name the city in the column name")
	case utf8.RuneCountInString(c.Name) > maxName:
		b.bad(r, b.columns[column], fmt.Sprintf("makes a name longer than %d letters", maxName), "give it a shorter one in the column name")
	case Slug(title) == "":
		b.bad(r, b.columns["title"], "no letter or digit", "give it a title, or leave the cell blank")
	default:
		b.claim(r, b.names, c.Name, column)
		if slug := Slug(title); slug != c.Name {
			b.claim(r, b.names, slug, "title")
		}
	}
}

func (b *inventoryReader) nameColumn() string {
	if b.columns.has("name") {
		return "name"
	}
	return "title"
}

// host reads host and ssh. They end up on command lines, so what passes here is
// narrow.
func (b *inventoryReader) host(r row, c *probe.City) {
	c.Host, c.SSH = b.columns.get(r, "host"), b.columns.get(r, "ssh")
	switch {
	case c.Host == "" && b.published:
	case c.Host == "":
		b.bad(r, b.columns["host"], "the city has no host", "give the name or address to measure")
	case probe.CheckHost(c.Host) != nil:
		b.bad(r, b.columns["host"], "not a host name or address", hostHint(c.Host))
	default:
		b.claim(r, b.hosts, sameHost(c.Host), "host")
	}
	if c.SSH != "" && probe.CheckLogin(c.SSH) != nil {
		b.bad(r, b.columns["ssh"], "not an ssh destination", "write host, user@host or ssh://user@host:port; options belong in ~/.ssh/config")
	}
}

func hostHint(host string) string {
	switch {
	case strings.Contains(host, "://") || strings.Contains(host, "/"):
		return "write the bare name, without https:// and path"
	case strings.Contains(host, "@"):
		return "write the bare name here, and user@host in the column ssh"
	case strings.ContainsAny(host, ",; "):
		return "a city has one host"
	}
	return "write a name such as ping.example.net, or an IP address"
}

// sameHost spells a host so that equal hosts are equal.
func sameHost(host string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// location reads the coordinates: both, or neither.
func (b *inventoryReader) location(r row) *probe.Location {
	north, east := b.columns.get(r, "latitude"), b.columns.get(r, "longitude")
	if north == "" && east == "" {
		return nil
	}
	for _, column := range []string{"latitude", "longitude"} {
		if b.columns.get(r, column) == "" {
			b.bad(r, b.columns[column], "half of a coordinate is missing", "give both, or leave both blank")
			return nil
		}
	}
	lat, ok := b.degrees(r, "latitude")
	lng, ok2 := b.degrees(r, "longitude")
	if !ok || !ok2 {
		return nil
	}
	latFits, lngFits := lat >= -90 && lat <= 90, lng >= -180 && lng <= 180
	if !latFits {
		hint := "check the sign and that latitude comes before longitude"
		if lat >= -180 && lat <= 180 && lng >= -90 && lng <= 90 {
			hint += fmt.Sprintf(": with longitude %s they look swapped", shown(east))
		}
		b.bad(r, b.columns["latitude"], "not between -90 and 90 degrees", hint)
	}
	if !lngFits {
		b.bad(r, b.columns["longitude"], "not between -180 and 180 degrees", "write degrees east, and west as negative")
	}
	if !latFits || !lngFits {
		return nil
	}
	return &probe.Location{Latitude: lat, Longitude: lng}
}

func (b *inventoryReader) degrees(r row, column string) (float64, bool) {
	v, problem, hint := number(b.columns.get(r, column))
	if problem == "" {
		return v, true
	}
	if hint == "write digits with a decimal point, and no unit" {
		hint = "write decimal degrees such as 48.8742, south and west as negative"
	}
	b.bad(r, b.columns[column], problem, hint)
	return 0, false
}
