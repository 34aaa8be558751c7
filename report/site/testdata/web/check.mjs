// Looks at a site as a browser and a validator do, and prints what it finds, a
// problem a line:
//
//   node check.mjs pages DIR [PAGE…]   links of all pages; HTML, accessibility and requests of the named ones
//   node check.mjs load PAGE PLAIN     milliseconds to load PAGE and PLAIN, and to PAGE's first paint, as JSON
//   node check.mjs explore PAGE        sorts, filters and reads a matrix by keyboard
//   node check.mjs live URL            waits on a live page until there is another round

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import puppeteer from "puppeteer-core";
import { FileSystemConfigLoader, HtmlValidate } from "html-validate";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const [task, ...args] = process.argv.slice(2);
const say = (...parts) => console.log(parts.join(": "));
function files(dir) {
  return readdirSync(dir, { withFileTypes: true, recursive: true }).filter((e) => e.isFile()).map((e) => join(e.parentPath ?? e.path, e.name));
}

async function pages(dir, ...names) {
  links(dir);
  const validator = new HtmlValidate({
    extends: ["html-validate:standard"],
  });
  for (const name of names) {
    const report = await validator.validateString(readFileSync(join(dir, name), "utf8"));
    for (const result of report.results) for (const m of result.messages) say(name, `line ${m.line}`, m.ruleId, m.message);
    for (const width of [1400, 390]) for (const scheme of ["light", "dark"]) await look(dir, name, width, scheme);
    await withoutScript(dir, name);
  }
}

// links resolves all that pages refer to, anchors as well.
function links(dir) {
  const ids = new Map();
  const idsOf = (file) => {
    if (!ids.has(file)) ids.set(file, new Set([...readFileSync(file, "utf8").matchAll(/ id="([^"]*)"/g)].map((m) => m[1])));
    return ids.get(file);
  };
  for (const file of files(dir).filter((f) => f.endsWith(".html"))) {
    const html = readFileSync(file, "utf8");
    const all = [...html.matchAll(/id="([^"]*)"/g)].map((m) => m[1]);
    if (new Set(all).size !== all.length) say(relative(dir, file), "an id occurs twice");
    for (const [, to] of html.matchAll(/<[^>]* (?:href|src)="([^"]*)"/g)) {
      if (to.startsWith("data:")) continue;
      if (/^[a-z]+:|^\/\//i.test(to)) { say(relative(dir, file), "leads away", to); continue; }
      const [path, anchor] = to.replace(/&amp;/g, "&").split("#");
      const target = path === "" ? file : join(dirname(file), path.split("?")[0]);
      if (!existsSync(target)) say(relative(dir, file), "leads nowhere", to);
      else if (anchor && !idsOf(target).has(anchor)) say(relative(dir, file), "no such anchor", to);
    }
  }
}

async function open(width, scheme, options = {}) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  if (options.script === false) await page.setJavaScriptEnabled(false);
  return page;
}

const address = (...path) => pathToFileURL(join(...path)).href;

async function look(dir, name, width, scheme) {
  const where = `${name} ${width} ${scheme}`, page = await open(width, scheme);
  page.on("console", (m) => say(where, "console", m.text()));
  page.on("pageerror", (e) => say(where, "error", e.message));
  page.on("request", (r) => { if (!/^(file|data):/.test(r.url())) say(where, "asks for", r.url()); });
  await page.goto(address(dir, name));
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) {
    const who = await page.evaluate(() => [...document.querySelectorAll("main *, header *, footer *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, svg"))?.outerHTML.slice(0, 200));
    say(where, `is ${wide} pixels wider than the window`, who);
  }
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  for (const v of found.violations) {
    if (v.impact === "serious" || v.impact === "critical") say(where, v.id, v.help, v.nodes.slice(0, 3).map((n) => n.html.slice(0, 150) + " " + (n.any[0]?.message ?? "")).join(" | "));
  }
  await page.close();
}

// withoutScript finds out that nothing is shown by the script alone.
async function withoutScript(dir, name) {
  const text = async (script) => {
    const page = await open(1400, "light", { script });
    await page.goto(address(dir, name));
    const shown = await page.$eval("main", (e) => e.innerText);
    await page.close();
    return shown;
  };
  const on = await text(true), off = await text(false);
  const missing = on.split("\n").filter((line) => /\d/.test(line) && !off.includes(line));
  if (missing.length) say(name, "only with the script", missing[0]);
}

async function load(file, plain) {
  const once = async (path) => {
    const page = await open(1400, "light");
    await page.goto(address(path), { timeout: 120_000 });
    // From the start of the navigation until it is loaded and drawn.
    const took = await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now())))));
    const paint = await page.evaluate(() => new Promise((done) => {
      new PerformanceObserver((list) => list.getEntriesByName("first-contentful-paint").forEach((e) => done(e.startTime))).observe({ type: "paint", buffered: true });
    }));
    await page.close();
    return { took, paint };
  };
  await once(file); // the browser has started, and its caches are warm for both
  const runs = { file: [], plain: [], paint: [] };
  for (let i = 0; i < 9; i++) {
    const mine = await once(file);
    runs.file.push(mine.took);
    runs.paint.push(mine.paint);
    runs.plain.push((await once(plain)).took);
  }
  // The least of each: what is more was the machine's other work.
  console.log(JSON.stringify({ page: Math.min(...runs.file), plain: Math.min(...runs.plain), paint: Math.min(...runs.paint) }));
}

async function explore(file) {
  const page = await open(1400, "light");
  page.on("console", (m) => say("console", m.text()));
  page.on("pageerror", (e) => say("error", e.message));
  await page.goto(address(file));
  const state = () => page.evaluate(() => {
    const large = document.querySelector("#matrix .rows");
    const rows = [...document.querySelectorAll(large ? ".rows div:not(.block)" : "table.cells tbody tr")];
    return {
      rows: rows.map((r) => (large ? r.firstChild : r.cells[0]).textContent),
      heads: [...document.querySelectorAll(large ? ".heads a" : "table.cells thead th:not(.corner)")].map((h) => h.textContent),
      first: rows.length ? (large ? rows[0].lastChild.data.trim().split(/\s+/) : [...rows[0].cells].slice(1).map((c) => c.textContent)) : [],
      reading: document.querySelector(".reading").textContent, hash: location.hash,
    };
  });
  const settle = () => new Promise((done) => setTimeout(done, 600));
  const before = await state();
  await page.select("select[name=sort]", "name");
  await settle();
  const sorted = await state();
  const expected = [...before.rows].sort((a, b) => a.localeCompare(b));
  if (sorted.rows.join() !== expected.join()) say("not sorted by name", sorted.rows.slice(0, 5).join());
  if (sorted.heads.join() !== [...before.heads].sort((a, b) => a.localeCompare(b)).join()) say("columns are not sorted");
  // A figure stays with its two cities.
  const name = before.rows[0], other = before.heads[3];
  await page.select("select[name=sort]", "");
  await page.type("input[name=from]", name);
  await page.type("input[name=to]", other);
  await settle();
  const filtered = await state();
  if (filtered.rows[0] !== name || filtered.heads[0] !== other || filtered.rows.length > 5) say("not filtered", filtered.rows.length);
  if (filtered.first[0].trim() !== before.first[3].trim()) say("the figure moved", filtered.first[0], before.first[3]);
  if (!filtered.hash.includes("from=")) say("the choice is not in the address", filtered.hash);
  await page.focus("#matrix .scroll");
  await page.keyboard.press("ArrowRight");
  const read = await state();
  if (!read.reading.startsWith(`${name} → ${other}: `)) say("the arrow keys read", read.reading);
  await page.close();
}

// live chooses and opens something, and finds out that another round comes by itself
// and leaves both as they were.
async function live(url) {
  const page = await open(1400, "light");
  page.on("console", (m) => say("console", m.text()));
  page.on("pageerror", (e) => say("error", e.message));
  await page.goto(url);
  await page.evaluate(() => { document.getElementById("m-fibre").checked = true; document.getElementById("hosts").open = true; window.same = true; });
  const stamp = await page.$eval("#state", (e) => e.dataset.stamp);
  const another = () => page.waitForFunction((old) => document.getElementById("state").dataset.stamp !== old, { timeout: 120_000 }, stamp);
  await another().catch(() => say("no other round came"));
  const after = await page.evaluate(() => ({
    same: window.same, open: document.getElementById("hosts").open, checked: document.getElementById("m-fibre").checked,
    rows: document.querySelectorAll("#fibre tbody tr").length,
  }));
  console.log(JSON.stringify(after));
  await page.close();
}

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  protocolTimeout: 300_000,
});
try {
  await { pages, load, explore, live }[task](...args);
} finally {
  await browser.close();
}
