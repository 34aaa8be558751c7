package lab

import (
	"time"

	"matrix/probe"
)

// order is what the outer process hands to the inner one, as JSON.
type order struct {
	Folder string
	Cities []probe.City
	RTT    [][]time.Duration // by index; -1 for none
	Routes *Routes
	Loss   float64
	Seed   uint64
	Sshd   bool
}

func makeOrder(c *Config, folder string, n *network) *order {
	cities := n.operator()
	table := make([][]time.Duration, cities)
	for i := range table {
		table[i] = n.rtt[i][:cities]
	}
	return &order{folder, c.Cities, table, c.Routes, c.Loss, c.Seed, c.Sshd}
}

// config is the order as it was given.
func (o *order) config() *Config {
	c := &Config{Cities: o.Cities, Routes: o.Routes, Loss: o.Loss, Seed: o.Seed, Sshd: o.Sshd}
	c.RTT = make(map[probe.Pair]time.Duration, len(o.Cities)*len(o.Cities))
	for i, row := range o.RTT {
		for j, rtt := range row {
			if i != j && rtt >= 0 {
				c.RTT[probe.Pair{From: o.Cities[i].Name, To: o.Cities[j].Name}] = rtt
			}
		}
	}
	return c
}

// state is the inner process's answer to its order.
type state struct {
	Error  string // "": the lab is up
	Denied bool   // the kernel refused a privilege
}

// request is what a client asks at the door. It comes in one message, with
// three descriptors: standard input, output and error.
type request struct {
	Exec   *execRequest `json:",omitempty"`
	Ledger bool         `json:",omitempty"` // write the ledger to standard output
	Count  bool         `json:",omitempty"` // answer with the counters
	Change *Change      `json:",omitempty"`
	Signal int          `json:",omitempty"` // later messages: for the command
}

type execRequest struct {
	City string
	Argv []string
	// Attached commands are the person's own: they share the terminal, the
	// folder and the environment in which the lab was started.
	Attached bool
}

// response ends a request.
type response struct {
	Status   int
	Error    string
	Counters Counters `json:",omitzero"`
}

// maxRequest bounds a request, command line included.
const maxRequest = 64 << 10
