package bus

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"matrix/probe"
	"matrix/probe/schedule"
)

// FleetPlan is what the agents of a fleet measure by themselves, and when. They,
// and whoever collects, read from it which rounds there are, what each is called,
// and what each city's row is, without a word to each other.
type FleetPlan struct {
	Format    int               `json:"format"`
	Made      time.Time         `json:"made"`    // by the coordinator's clock
	From      time.Time         `json:"from"`    // rounds that are due before are of the plan before
	Program   string            `json:"program"` // version of the coordinator
	Schedule  schedule.Schedule `json:"schedule"`
	Cities    []probe.City      `json:"cities"`
	Addresses probe.Addresses   `json:"addresses"`
	Options   probe.Options     `json:"options"` // Interval as asked for; the rate may demand a longer one

	digest string // of its text
	packed []byte // as the bucket has it
}

const (
	planFormat   = 1
	maxPlan      = 1 << 20  // bytes: ten times what a thousand cities take
	maxPlanText  = 16 << 20 // unpacked
	maxCities    = 10_000
	maxCityText  = 256              // bytes of a title and the like
	digestLength = 16               // hexadecimal digits
	longestLead  = time.Hour        // between Made and From
	planLead     = 10 * time.Second // usual; for agents to have it before it holds
)

// MakeFleetPlan makes a plan of rounds of all pairs. It is an error if it cannot be
// carried out: every agent would refuse it.
func MakeFleetPlan(s schedule.Schedule, cities []probe.City, addresses probe.Addresses, options probe.Options, program string) (FleetPlan, error) {
	p := FleetPlan{
		Format: planFormat, Program: program, Schedule: s,
		Cities: slices.Clone(cities), Addresses: addresses, Options: options,
	}
	for i := range p.Cities {
		p.Cities[i].SSH = "" // no business of other hosts
	}
	return p.dated(time.Now())
}

// dated is the plan as of now, checked and packed.
func (p FleetPlan) dated(now time.Time) (FleetPlan, error) {
	p.Made = now.UTC().Round(time.Millisecond)
	p.From = p.Made.Add(min(planLead, p.Schedule.Every))
	if err := p.check(); err != nil {
		return p, err
	}
	text, err := json.Marshal(p)
	if err != nil {
		return p, err
	}
	p.digest = digestOf(text)
	p.packed, err = pack(text)
	if err == nil && len(p.packed) > maxPlan {
		err = fmt.Errorf("the plan has %d bytes, %d are allowed", len(p.packed), maxPlan)
	}
	return p, err
}

func digestOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])[:digestLength]
}

// readPlan reads a plan that somebody wrote. It is taken as a whole or not at all.
func readPlan(packed []byte) (FleetPlan, error) {
	if len(packed) > maxPlan {
		return FleetPlan{}, fmt.Errorf("it has %d bytes, %d are allowed", len(packed), maxPlan)
	}
	text, err := unpack(packed, maxPlanText)
	if err != nil {
		return FleetPlan{}, fmt.Errorf("it cannot be unpacked: %w", err)
	}
	p, err := parsePlan(text)
	p.packed = packed
	return p, err
}

func parsePlan(text []byte) (p FleetPlan, err error) {
	var about struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &about); err != nil {
		return p, fmt.Errorf("it is no plan: %w", err)
	}
	if about.Format != planFormat {
		return p, fmt.Errorf("its format is %d, and this matrix knows %d: put the same version on both sides", about.Format, planFormat)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields() // what is passed over would be measured in another way
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("it is no plan: %w", err)
	}
	p.digest = digestOf(text)
	return p, p.check()
}

// check refuses what no agent may carry out, whoever wrote it.
func (p FleetPlan) check() error {
	if p.Made.IsZero() || p.From.Before(p.Made) || p.From.Sub(p.Made) > longestLead {
		return fmt.Errorf("it was made at %v and holds from %v", p.Made, p.From)
	}
	if p.Program != probe.Clean(p.Program, maxCityText) {
		return errors.New("the version of its program is no version")
	}
	if err := p.Schedule.Check(); err != nil {
		return err
	}
	if err := p.Options.Check(); err != nil {
		return err
	}
	if p.Options.Engine != probe.Clean(p.Options.Engine, 40) {
		return errors.New("the name of its engine is none")
	}
	if err := p.checkCities(); err != nil {
		return err
	}
	return p.checkRows()
}

// checkRows sees that every city's row ends before the next round is due.
func (p FleetPlan) checkRows() error {
	if p.mostTargets() == 0 {
		return errors.New("no city has an address")
	}
	if length := time.Duration(p.Options.Count)*p.interval() + p.Options.Timeout; length >= p.Schedule.Every {
		return fmt.Errorf("a round takes up to %v, and the next is due after %v", length.Round(time.Millisecond), p.Schedule.Every)
	}
	return nil
}

func (p FleetPlan) checkCities() error {
	if n := len(p.Cities); n < 2 || n > maxCities {
		return fmt.Errorf("%d cities: want 2 to %d", n, maxCities)
	}
	known := make(map[string]bool, len(p.Cities))
	for _, c := range p.Cities {
		if err := checkCity(c); err != nil {
			return err
		}
		if known[c.Name] {
			return fmt.Errorf("%s is in it twice", c.Name)
		}
		known[c.Name] = true
		to, there := p.Addresses[c.Name]
		switch {
		case !there || !to.Addr.IsValid() && to.Reason == "":
			return fmt.Errorf("%s has neither an address nor a reason why not", c.Name)
		case to.Addr.IsValid() && (!probe.IsHost(to.Addr) || to.Addr.Zone() != ""):
			return fmt.Errorf("%s has the address %v, which cannot be pinged", c.Name, to.Addr)
		case !isText(to.Reason):
			return fmt.Errorf("why %s has no address is no text", c.Name)
		}
	}
	if len(p.Addresses) != len(p.Cities) {
		return fmt.Errorf("%d addresses of %d cities", len(p.Addresses), len(p.Cities))
	}
	return p.checkOwn()
}

// checkOwn sees that no host pings itself and calls that another city.
func (p FleetPlan) checkOwn() error {
	owners := make(map[netip.Addr]string, len(p.Cities))
	var local, remote string // the last city of each kind
	for _, c := range p.Cities {
		addr := p.Addresses[c.Name].Addr.Unmap()
		switch other, taken := owners[addr]; {
		case !addr.IsValid():
			continue
		case taken:
			return fmt.Errorf("%s and %s have the same address, %v: give every city a host of its own", other, c.Name, addr)
		case addr.IsLoopback():
			local = c.Name
		default:
			remote = c.Name
		}
		owners[addr] = c.Name
	}
	if local != "" && remote != "" { // on one machine all are local
		return fmt.Errorf("%s has the address %v, at which every other host reaches itself: give it a host name or address by which the others reach it",
			local, p.Addresses[local].Addr)
	}
	return nil
}

// mostTargets is how many the longest row has.
func (p FleetPlan) mostTargets() int {
	targets := 0
	for _, to := range p.Addresses {
		if to.Addr.IsValid() {
			targets++
		}
	}
	if targets == len(p.Cities) {
		targets-- // nobody pings itself
	}
	return targets
}

// interval is that to which probe.MakePlan stretches the one of a round of all rows.
func (p FleetPlan) interval() time.Duration {
	return max(p.Options.Interval, time.Duration(p.mostTargets())*time.Second/time.Duration(p.Options.Rate))
}

func checkCity(c probe.City) error {
	if err := checkName(c.Name); err != nil {
		return err
	}
	if err := probe.CheckHost(c.Host); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	if c.SSH != "" || !isText(c.Title) || !isText(c.Country) || !isText(c.Region) || !isText(c.Provider) {
		return fmt.Errorf("%s: what is said of it is no text, or not what a plan says", c.Name)
	}
	if l := c.Location; l != nil && !(l.Latitude >= -90 && l.Latitude <= 90 && l.Longitude >= -180 && l.Longitude <= 180) {
		return fmt.Errorf("%s: there is no place at %v, %v", c.Name, l.Latitude, l.Longitude)
	}
	return nil
}

func isText(s string) bool {
	return len(s) <= maxCityText && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// Digest tells plans apart.
func (p FleetPlan) Digest() string { return p.digest }

// same says whether two plans say the same, whenever and by whom they were made.
func (p FleetPlan) same(other FleetPlan) bool {
	return p.SameFleet(other) && maps.Equal(p.Addresses, other.Addresses)
}

// SameFleet says whether two plans are the same but for the addresses that names had
// when they were made.
func (p FleetPlan) SameFleet(other FleetPlan) bool {
	text := func(p FleetPlan) []byte {
		p.Made, p.From, p.Program, p.Addresses = time.Time{}, time.Time{}, "", nil
		text, err := json.Marshal(p)
		if err != nil {
			panic(err) // it was marshalled before
		}
		return text
	}
	return bytes.Equal(text(p), text(other))
}

// has says whether a city is in the plan.
func (p FleetPlan) has(city string) bool {
	return slices.ContainsFunc(p.Cities, func(c probe.City) bool { return c.Name == city })
}

// row is a city's job in each round; one without targets if nobody else has an
// address.
func (p FleetPlan) row(city string) (probe.Job, error) {
	options := p.Options
	options.Interval = p.interval() // that of other rows, which may have a target more
	plan, err := probe.MakePlan(p.Cities, p.Addresses, probe.Selection{From: []string{city}}, options)
	if err != nil || len(plan.Jobs) == 0 {
		return probe.Job{From: city, Options: p.Options}, err
	}
	return plan.Jobs[0], nil
}

// Ticket is the round of the plan that is due at a time; false: there is none.
func (p FleetPlan) Ticket(due time.Time) (Ticket, bool) {
	if due.Before(p.From) || !p.Schedule.Last(due).Equal(due) {
		return Ticket{}, false
	}
	return Ticket{
		Run: p.run(due), Start: due.UTC(), Program: p.Program, FleetPlan: p.digest, Every: p.Schedule.Every,
		Cities: p.Cities, Addresses: p.Addresses, Options: p.Options,
	}, true
}

// autoPrefix begins the names of rounds that no coordinator starts.
const autoPrefix = "auto-"

// run is the name of a round, by the multiple of Every that it is of. Rounds of
// two plans have two names: their rows would be of other targets.
func (p FleetPlan) run(due time.Time) string {
	return autoPrefix + p.Schedule.Aligned(due).Format(runTime) + "-" + p.digest
}

// readRun reads the name of a round that no coordinator started.
func readRun(run string) (aligned time.Time, digest string, ok bool) {
	rest, ok := strings.CutPrefix(run, autoPrefix)
	text, digest, cut := strings.Cut(rest, "-")
	aligned, err := time.Parse(runTime, text)
	return aligned, digest, ok && cut && err == nil && len(digest) == digestLength
}

// due is when the round is due whose name has that time.
func (p FleetPlan) due(aligned time.Time) time.Time { return p.Schedule.Next(aligned.Add(-1)) }

// tolerance is how far from its time a row may be measured and still be of its
// round: a clock that is off by more is bad.
func tolerance(every time.Duration) time.Duration { return min(probe.ClockIsBad, every/2) }
