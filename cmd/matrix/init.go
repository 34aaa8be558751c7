package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kballard/go-shellquote"
	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/data/draft"
	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

const initLong = `init makes cities.csv, the inventory, and matrix.toml, the settings, in DIR or
here. The cities come from one of these:

  --from-list FILE       a line each: a city, a host, or both in any order
                         (Paris; Birmingham, GB; bal1.example.net Baltimore), or a
                         table, as CSV or with tabs, whose first line names columns:
                         city, host, latitude, longitude, country, provider, ssh
  --from-servers FILE    a WonderNetwork servers file, or another inventory
  --from-ssh-config FILE the hosts of Host lines, without wildcards
  --from-command COMMAND what a command prints: a list or table as above

Without any of them the list is read from standard input; where there is a
cities.csv already, only the settings are made.

Coordinates are those of the gazetteer. A city of which there are several is asked
on a terminal, and else listed with the places that it may be. Of a host without a
city the name is read for the name of a city or the code of an airport; that is a
guess, and is listed in cities.csv to be checked.

matrix.toml has every setting as a comment, with its default.

With --nats it makes in DIR/nats what a fleet over NATS needs: a key for each
city's agent and one for the coordinator, a certificate, and the server's
configuration, in which each key has its rights. Where settings and keys are there
already, it makes only the keys of cities that have none.

Exit status: 0 both are there, 2 the place of a city is not known and nothing was
written, 3 the arguments or the list are wrong, 4 the system failed.

Places: GeoNames (geonames.org), CC BY 4.0. Codes: OurAirports (ourairports.com).`

// initFlags are the flags of matrix init, as the person gave them.
type initFlags struct {
	list, servers, sshConfig, command string
	nats                              []string
	force                             bool
}

func initCommand(std streams) *cobra.Command {
	var o initFlags
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Make an inventory and settings from what you have",
		Long:  initLong,
		Example: `  matrix init --from-list hosts.txt
  printf '%s\n' Paris "Birmingham, GB" | matrix init fleet
  matrix init --from-command 'mysql -B -e "select city, host from servers" fleet'
  matrix init --from-ssh-config ~/.ssh/config /etc/matrix`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("matrix init takes one DIR, and was given %q", args)
			}
			sources := []string{"from-list", "from-servers", "from-ssh-config", "from-command"}
			for i, a := range sources {
				for _, b := range sources[i+1:] {
					if err := exclude(cmd.Flags(), [2]string{a, b}); err != nil {
						return err
					}
				}
			}
			return o.run(cmd, strings.Join(args, ""), std)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.list, "from-list", "", "cities or hosts, a `FILE`, or - for standard input")
	f.StringVar(&o.servers, "from-servers", "", "a WonderNetwork servers file, or another inventory, a `FILE`")
	f.StringVar(&o.sshConfig, "from-ssh-config", "", "the hosts of an ssh_config, a `FILE`, such as ~/.ssh/config")
	f.StringVar(&o.command, "from-command", "", "the list or table that this `COMMAND` prints; sh runs it")
	f.StringArrayVar(&o.nats, "nats", nil, "make keys for NATS as well, a server's configuration and certificate; `HOST` is where hosts find it, repeated if it has several names")
	f.BoolVar(&o.force, "force", false, "overwrite what is there")
	return cmd
}

func (o *initFlags) run(cmd *cobra.Command, folder string, std streams) error {
	folder = filepath.Clean(folder)
	if inventory := filepath.Join(folder, "cities.csv"); o.onlyKeys(folder) {
		return o.makeKeys(folder, inventory, std.out)
	}
	kept, err := o.check(folder)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, "cities.csv")
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	files := []file{{settingsFile, func(w io.Writer) error {
		return writeSettings(w, cmd.Root(), map[string]string{"cities": absolute})
	}}}
	told := path + " is kept as it is\n"
	var cities []probe.City
	if !kept {
		found, err := o.found(cmd.Context(), std)
		if err != nil {
			return err
		}
		var remarks []string
		cities, remarks = draft.Cities(found)
		for _, r := range remarks {
			fmt.Fprintf(std.err, "matrix: %s\n", r)
		}
		files = append(files, file{"cities.csv", func(w io.Writer) error { return writeCities(w, found, cities) }})
		told = wrote(path, found, cities)
	}
	if _, err := saveAll(folder, files); err != nil {
		return err
	}
	if len(o.nats) > 0 {
		if err := o.makeKeys(folder, path, std.out); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(std.out, "%swrote %s: every setting, with its default\n%s", told, filepath.Join(folder, settingsFile), next(folder, cities))
	return err
}

// onlyKeys says whether keys are all that is missing.
func (o *initFlags) onlyKeys(folder string) bool {
	if len(o.nats) == 0 || o.force || o.list+o.servers+o.sshConfig+o.command != "" {
		return false
	}
	for _, name := range []string{settingsFile, "cities.csv"} {
		if _, err := os.Lstat(filepath.Join(folder, name)); err != nil {
			return false
		}
	}
	return true
}

// makeKeys makes a key for every city of the inventory that is there now.
func (o *initFlags) makeKeys(folder, path string, w io.Writer) error {
	inventory, err := data.OpenInventory(path)
	if err != nil {
		return err
	}
	return makeKeys(folder, o.nats, inventory.Cities, w)
}

// check finds out whether anything would be overwritten, before a person is
// asked or a command is run. An inventory is kept if nothing is to be put in its
// place.
func (o *initFlags) check(folder string) (kept bool, err error) {
	if o.force {
		return false, nil
	}
	for _, name := range []string{settingsFile, "cities.csv"} {
		path := filepath.Join(folder, name)
		_, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return false, err
		case name == "cities.csv" && o.list+o.servers+o.sshConfig+o.command == "":
			return true, nil
		default:
			return false, usage("%s is there already; --force overwrites it", path)
		}
	}
	return false, nil
}

// found are the cities, each with its place.
func (o *initFlags) found(ctx context.Context, std streams) ([]draft.City, error) {
	cities, err := o.read(ctx, std)
	if err != nil {
		return nil, err
	}
	world := geo.World()
	draft.Settle(cities, world, func(host string) (geo.Place, string, bool) { return placeOfHost(world, host) })
	if o.mayAsk(std) {
		return cities, ask(cities, world, bufio.NewReader(std.in), std.err)
	}
	return cities, listOpen(cities, std.err)
}

// placeOfHost is the likeliest place that the name of a host speaks of. For the
// code of an airport it is the city, which is where hosts stand.
func placeOfHost(world *geo.Gazetteer, host string) (p geo.Place, word string, ok bool) {
	const fromAirport geo.Miles = 60
	hints := report.HostHints(world, host)
	if len(hints) == 0 {
		return p, "", false
	}
	p = hints[0].Place
	for _, city := range world.Places(p.Name, p.Country) {
		if geo.Distance(p.Point, city.Point) < fromAirport {
			return city, hints[0].Word, true
		}
	}
	return p, hints[0].Word, true
}

// mayAsk says whether somebody is there who can answer.
func (o *initFlags) mayAsk(std streams) bool {
	in, ok := std.in.(*os.File)
	return ok && isTerminal(in) && isTerminal(std.err)
}

// read reads the cities from wherever they are.
func (o *initFlags) read(ctx context.Context, std streams) ([]draft.City, error) {
	switch {
	case o.servers != "":
		return readServers(o.servers)
	case o.sshConfig != "":
		return draft.ReadSSHConfig(o.sshConfig)
	case o.command != "":
		out, err := outputOf(ctx, o.command, std)
		if err != nil {
			return nil, err
		}
		return draft.ReadList(bytes.NewReader(out), "the command's output")
	case o.list != "" && o.list != "-":
		f, err := os.Open(o.list)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return draft.ReadList(f, o.list)
	}
	if o.list == "" && o.mayAsk(std) {
		return nil, usage("nothing to make an inventory from; name a list with --from-list, or see matrix init --help")
	}
	return draft.ReadList(std.in, "standard input")
}

func readServers(path string) ([]draft.City, error) {
	inventory, err := data.OpenInventory(path)
	if err != nil {
		return nil, err
	}
	cities := make([]draft.City, len(inventory.Cities))
	for i, c := range inventory.Cities {
		cities[i] = draft.City{City: c, Source: path}
	}
	return cities, nil
}

// Bounds of a command that prints a list.
const (
	maxOutput   = 4 << 20
	commandTime = 2 * time.Minute
)

// outputOf runs a command with sh. What it says on stderr is shown if it fails.
func outputOf(ctx context.Context, command string, std streams) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	out, talk := bounded{limit: maxOutput, stop: cancel}, bounded{limit: 4096}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = std.in, &out, &talk
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case out.over:
		return nil, usage("--from-command: it prints more than %d MB; a list of cities has a line for each", maxOutput>>20)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return nil, fmt.Errorf("--from-command: it took more than %v", commandTime)
	case err != nil:
		said := probe.Clean(string(talk.kept), 300)
		if said != "" {
			said = ": " + said
		}
		return nil, fmt.Errorf("--from-command: %w%s", err, said)
	}
	return out.kept, nil
}

// bounded keeps the start of what is written to it, and stops who writes more.
type bounded struct {
	kept  []byte // no bytes.Buffer, which reads all there is when copied to
	limit int
	over  bool
	stop  func()
}

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - len(b.kept)
	b.kept = append(b.kept, p[:min(room, len(p))]...)
	if len(p) > room && !b.over {
		b.over = true
		if b.stop != nil {
			b.stop()
		}
	}
	return len(p), nil
}

// writeCities writes the inventory, with the guesses above it.
func writeCities(w io.Writer, found []draft.City, cities []probe.City) error {
	var b strings.Builder
	if guesses := guessed(found); len(guesses) > 0 {
		b.WriteString("# Guessed from the names of the hosts. Check them, mend what is wrong, and\n# remove these lines.\n")
		for _, g := range guesses {
			b.WriteString("#   " + g + "\n")
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return data.WriteInventory(w, cities)
}

// guessed says of each guess what it rests on.
func guessed(found []draft.City) []string {
	var all []string
	for _, c := range found {
		if c.Guess != "" {
			all = append(all, fmt.Sprintf("%s: %s, %s, from %q", probe.Clean(c.Host, 60), probe.Clean(c.Title, 60), c.Country, c.Guess))
		}
	}
	return all
}

// largestOf are the cities of which there are others, too small to ask about.
func largestOf(found []draft.City) []string {
	var all []string
	for _, c := range found {
		if place := probe.Clean(c.Title, 60) + ", " + probe.Clean(c.Country, 60); c.Largest && !slices.Contains(all, place) {
			all = append(all, place)
		}
	}
	return all
}

// wrote says what the inventory has, and what it lacks.
func wrote(path string, found []draft.City, cities []probe.City) string {
	var b strings.Builder
	number := fmt.Sprintf("%d cities", len(cities))
	if len(cities) == 1 {
		number = "1 city"
	}
	fmt.Fprintf(&b, "wrote %s: %s\n", path, number)
	if guesses := guessed(found); len(guesses) > 0 {
		b.WriteString("  guessed from the names of the hosts; check them:\n")
		for _, g := range guesses {
			b.WriteString("    " + g + "\n")
		}
	}
	if largest := largestOf(found); len(largest) > 0 {
		fmt.Fprintf(&b, "  taken for the largest of several places of the name: %s\n", strings.Join(largest, "; "))
	}
	without := 0
	for _, c := range cities {
		if c.Host == "" {
			without++
		}
	}
	if without > 0 {
		fmt.Fprintf(&b, "  without a host: %d; fill in the column host with the name or address to measure\n", without)
	}
	return b.String()
}

// next are the commands that a person would use now.
func next(folder string, cities []probe.City) string {
	config := ""
	if folder != "." {
		config = " --config " + shellquote.Join(filepath.Join(folder, settingsFile))
	}
	one := "matrix" + config + " --from CITY"
	if len(cities) > 0 {
		one = "matrix" + config + " --from " + cities[0].Name
	}
	width := len(one)
	check := "matrix cities check" + config
	width = max(width, len(check))
	return fmt.Sprintf("Next:\n  %-*s  coordinates against the gazetteer\n  %-*s  one city's row\n  %-*s  all pairs\n",
		width, check, width, one, width, "matrix"+config)
}
