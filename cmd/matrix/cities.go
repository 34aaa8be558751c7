package main

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"matrix/data"
	"matrix/geo"
	"matrix/probe"
	"matrix/report"
)

func citiesCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cities",
		Short: "Look after the inventory",
		Args:  noArguments,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(citiesCheckCommand(std))
	return cmd
}

const citiesCheckLong = `check judges an inventory without measuring: it compares the coordinates of each
city with the places of its name (and country) in a gazetteer of places with
15,000 inhabitants or more. With --fill it prints the inventory again, with
coordinates for the cities that have none.

Exit status: 0 if all is well, 1 if coordinates are suspect or missing.

Places: GeoNames (geonames.org), CC BY 4.0.`

func citiesCheckCommand(std streams) *cobra.Command {
	var o measureFlags
	var fill bool
	var format string
	var thresholds []string
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Compare coordinates with a gazetteer; fill in those that are missing",
		Long:  citiesCheckLong,
		Example: `  matrix cities check --cities cities.csv
  matrix cities check --cities names.csv --fill > cities.csv`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			var limits report.Thresholds
			for _, setting := range thresholds {
				if err := limits.Set(setting); err != nil {
					return usage("--threshold: %w", err)
				}
			}
			inventory, err := o.inventory(std)
			if err != nil {
				return err
			}
			checks := report.CheckCities(inventory.Cities, geo.World(), limits)
			if fill {
				return o.fill(std, checks)
			}
			return o.showChecks(std, checks, format)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.cities, "cities", "", "inventory of cities, a `FILE` (default cities.csv)")
	f.BoolVar(&fill, "fill", false, "print the inventory with coordinates for cities that have none")
	f.StringVar(&format, "format", "text", "text or json")
	f.StringArrayVar(&thresholds, "threshold", nil, "city-size=`MILES` that coordinates may be from the place (default 30)")
	return cmd
}

// fill prints the inventory, completed, and says what it chose.
func (o *measureFlags) fill(std streams, checks []report.CityCheck) error {
	cities := make([]probe.City, len(checks))
	missing := 0
	for i, c := range checks {
		cities[i] = c.City
		if c.City.Location != nil {
			continue
		}
		if c.Place == nil {
			missing++
		} else {
			cities[i].Location = &probe.Location{Latitude: c.Place.Latitude, Longitude: c.Place.Longitude}
		}
		o.say(std, "matrix: %s: %s", probe.Clean(c.City.Title, 60), c.Text())
	}
	if err := data.WriteInventory(std.out, cities); err != nil {
		return err
	}
	if missing > 0 {
		return &statusError{status: exitSomeMissed}
	}
	return nil
}

// cityCheck is one city of `cities check --format json`.
type cityCheck struct {
	City      string   `json:"city"`
	Verdict   string   `json:"verdict"`
	Evidence  string   `json:"evidence"`
	Place     *string  `json:"place"`
	Latitude  *float64 `json:"latitude"`
	Longitude *float64 `json:"longitude"`
	OffMiles  *float64 `json:"off_miles"`
}

func (o *measureFlags) showChecks(std streams, checks []report.CityCheck, format string) error {
	wrong := 0
	var list []cityCheck
	for _, c := range checks {
		if c.Word == "no-coordinates" || c.Word == report.SuspectPlace.String() {
			wrong++
		}
		list = append(list, newCityCheck(c))
	}
	switch format {
	case "json":
		out := json.NewEncoder(std.out)
		out.SetIndent("", "  ")
		if err := out.Encode(map[string][]cityCheck{"cities": list}); err != nil {
			return err
		}
	case "text":
		for _, c := range checks {
			if text := c.Text(); text != "" {
				fmt.Fprintf(std.out, "%s: %s: %s\n", probe.Clean(c.City.Title, 60), c.Word, text)
			}
		}
		fmt.Fprintf(std.out, "%d of %d cities have coordinates that fit their name or cannot be checked\n", len(checks)-wrong, len(checks))
	default:
		return usage("--format %s: want text or json", format)
	}
	if wrong > 0 {
		return &statusError{status: exitSomeMissed}
	}
	return nil
}

func newCityCheck(c report.CityCheck) cityCheck {
	out := cityCheck{City: probe.Clean(c.City.Name, 300), Verdict: c.Word, Evidence: c.Text()}
	if out.Verdict == "" {
		out.Verdict = "fine"
	}
	if c.Place != nil {
		place := probe.Clean(c.Place.Name, 300) + ", " + c.Place.Country
		out.Place, out.Latitude, out.Longitude = &place, &c.Place.Latitude, &c.Place.Longitude
		if c.City.Location != nil {
			off := float64(c.Off)
			out.OffMiles = &off
		}
	}
	return out
}
