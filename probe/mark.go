package probe

import (
	"strconv"
	"strings"
)

// marks are the letters behind the figures of a hop that said, instead of "time
// exceeded", that there is no way on: those of traceroute, and of BSD's where
// that has a letter for what Linux's gives the number of.
var marks = []struct{ mark, meaning string }{
	{"!N", "network unreachable"},
	{"!H", "host unreachable"},
	{"!P", "protocol unreachable"},
	{"!F", "too big for the next link"},
	{"!S", "source route failed, or source address beyond its scope"},
	{"!U", "network unknown"},
	{"!W", "host unknown"},
	{"!I", "source isolated"},
	{"!A", "network administratively prohibited"},
	{"!Z", "host administratively prohibited"},
	{"!Q", "network unreachable for this type of service"},
	{"!T", "host unreachable for this type of service"},
	{"!X", "administratively prohibited"},
	{"!V", "host precedence violation"},
	{"!C", "precedence cut off"},
	{"!p", "port unreachable, said by another than the target"},
}

// codes4 are the marks of destination unreachable by code (RFC 792, 1122,
// 1812); port unreachable is the answer that a target gives.
var codes4 = [...]string{"!N", "!H", "!P", "!p", "!F", "!S", "!U", "!W", "!I", "!A", "!Z", "!Q", "!T", "!X", "!V", "!C"}

// codes6 are those of ICMPv6 (RFC 4443, section 3.1).
var codes6 = [...]string{"!N", "!X", "!S", "!H", "!p", "!A", "!X"}

// MarkOf is the mark of an ICMP destination unreachable with that code.
func MarkOf(v6 bool, code uint8) string {
	codes := codes4[:]
	if v6 {
		codes = codes6[:]
	}
	if int(code) < len(codes) {
		return codes[code]
	}
	return "!" + strconv.Itoa(int(code))
}

// MarkMeaning says what a mark means.
func MarkMeaning(mark string) string {
	for _, m := range marks {
		if m.mark == mark {
			return m.meaning
		}
	}
	return "unreachable, code " + strings.TrimPrefix(mark, "!")
}

// isMark accepts the marks that MarkOf makes, and no other text.
func isMark(mark string) bool {
	for _, m := range marks {
		if m.mark == mark {
			return true
		}
	}
	code, err := strconv.ParseUint(strings.TrimPrefix(mark, "!"), 10, 8)
	return err == nil && mark == "!"+strconv.FormatUint(code, 10)
}
