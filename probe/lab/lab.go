package lab

import (
	"os"
	"slices"
	"strings"
	"time"

	"matrix/probe"
)

// Config is a lab to set up.
type Config struct {
	Cities []probe.City                 // 1 to 4000
	RTT    map[probe.Pair]time.Duration // as a ping from Pair.From finds; a missing direction takes the other's, a missing pair has no way
	Routes *Routes                      // how it differs from the table; nil: not at all
	Loss   float64                      // ratio of packets dropped on every pair whose route does not say; 0
	Seed   uint64                       // of loss and jitter; the same seed drops the same packets
	Sshd   bool                         // a real sshd in every city
	At     string                       // city in which Run's command runs; "": the operator's own host

	Stdin, Stdout, Stderr *os.File         // of Run's command; nil: none
	Signals               <-chan os.Signal // passed on to Run's command; nil: none
}

// Environment variables of the operator's command. None is set in cities: a
// host on a real network does not know of a lab.
const (
	EnvDoor = "MATRIX_LAB"     // the socket through which Exec enters a city
	EnvDir  = "MATRIX_LAB_DIR" // the lab's folder
)

// Command is what Exec runs in a city.
type Command struct {
	City string   // name, host or address; Operator for the operator's host
	Argv []string // a single word is handed to /bin/sh -c, as sshd would

	Stdin, Stdout, Stderr *os.File         // nil: none
	Signals               <-chan os.Signal // passed on to the command; nil: none
}

// Change is a change to the network of a running lab. A nil field stays.
type Change struct {
	From, To string         // cities, "*" for all; To == "": the city From itself
	Down     *bool          // cut or mend the cable of From
	RTT      *time.Duration // that a ping finds
	Loss     *float64       // ratio
	Jitter   *time.Duration
}

// Hosts are cities as the lab knows them: each has its name in the lab's DNS
// for a host. (The host that the inventory gives works in the lab as well.)
func Hosts(cities []probe.City) []probe.City {
	inside := slices.Clone(cities)
	for i := range inside {
		inside[i].Host, inside[i].SSH = inside[i].Name+"."+Domain, ""
	}
	return inside
}

// innerName is argv[0] of the lab's inner process. An environment variable
// would leak into everything that runs in the lab.
const innerName = "matrix-lab-inner"

func lower(s string) string { return strings.ToLower(s) }
