// Makes land.gz: the coasts of the world of Natural Earth (public domain,
// https://www.naturalearthdata.com) at 1:110 million, from the npm package
// world-atlas. Run by go generate; needs node and npm.
//
// A line is a closed ring: longitude and latitude of its first point and, for
// each further one, the steps from the one before, in hundredths of a degree.
// Rings are cut at 180°, as d3-geo does it, so that they are plain polygons with
// longitudes from -180 to 180 degrees. Holes are rings as well: even-odd.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const packages = ["world-atlas@2.0.2", "topojson-client@3.1.0", "d3-geo@3.1.1"];

const folder = mkdtempSync(join(tmpdir(), "land-"));
let world, d3, topojson;
try {
  execFileSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--no-save", ...packages], { stdio: ["ignore", "ignore", "inherit"] });
  const require = createRequire(join(folder, "index.js"));
  world = JSON.parse(readFileSync(require.resolve("world-atlas/land-110m.json"), "utf8"));
  topojson = require("topojson-client");
  d3 = await import(pathToFileURL(join(folder, "node_modules/d3-geo/src/index.js")));
} finally {
  rmSync(folder, { recursive: true, force: true });
}

// One unit of this projection is a hundredth of a degree, y upwards.
const plane = d3.geoEquirectangular().scale(18000 / Math.PI).translate([0, 0]).precision(0);
const rings = [];
const pen = {
  moveTo: (x, y) => rings.push([[Math.round(x), Math.round(-y)]]),
  lineTo: (x, y) => rings.at(-1).push([Math.round(x), Math.round(-y)]),
  closePath: () => {},
};
d3.geoPath(plane, pen)(topojson.feature(world, world.objects.land));

const steps = (ring) => {
  const same = (a, b) => a[0] === b[0] && a[1] === b[1];
  const points = ring.filter((p, i) => i === 0 || !same(p, ring[i - 1]));
  if (same(points[0], points.at(-1))) points.pop();
  return points.map((p, i) => (i === 0 ? p : [p[0] - points[i - 1][0], p[1] - points[i - 1][1]])).flat().join(" ");
};
const lines = rings.filter((r) => r.length > 3).map(steps);
const packed = gzipSync(lines.join("\n") + "\n", { level: 9 });
packed[9] = 255; // the operating system: unknown, so that the same bytes come out everywhere
writeFileSync(new URL("land.gz", import.meta.url), packed);
console.log(`${lines.length} rings, ${packed.length} bytes`);
