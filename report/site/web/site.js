// Explores what the pages show; without it everything is still there.
"use strict";

// Tables whose heads sort them.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  const value = (row, i) => {
    const text = row.cells[i].textContent.trim(), number = parseFloat(text.replace("−", "-"));
    return Number.isNaN(number) ? (text === "–" || text === "" ? null : text) : number;
  };
  heads.forEach((head, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const turn = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", turn > 0 ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [value(row, i), row]);
      rows.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        if (typeof a === typeof b) return turn * (typeof a === "number" ? a - b : a.localeCompare(b));
        return typeof a === "number" ? -1 : 1;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}

// What a matrix is made of, as a table or as lines of text over a picture.
function tableOf(root) {
  const table = root.querySelector("table");
  const heads = [...table.tHead.rows[0].cells].slice(1), rows = [...table.tBodies[0].rows];
  const cells = rows.map((row) => [...row.cells].slice(1));
  return {
    heads, rows,
    title: (x) => heads[x].textContent,
    text: (y, x) => cells[y][x].textContent,
    href: (y, x) => cells[y][x].querySelector("a")?.href,
    show(ys, xs) {
      table.tHead.rows[0].replaceChildren(table.tHead.rows[0].cells[0], ...xs.map((x) => heads[x]));
      for (const y of ys) rows[y].replaceChildren(rows[y].cells[0], ...xs.map((x) => cells[y][x]));
      table.tBodies[0].replaceChildren(...ys.map((y) => rows[y]));
    },
    mark(y, x) {
      table.querySelector(".here")?.classList.remove("here");
      cells[y][x].classList.add("here");
      cells[y][x].scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    find(event) {
      const td = event.target.closest("td");
      if (!td) return null;
      const y = rows.indexOf(td.parentNode);
      return y < 0 ? null : [y, cells[y].indexOf(td)];
    },
  };
}

const WIDTH = 6; // characters of a cell

function linesOf(root) {
  const headLine = root.querySelector(".heads"), box = root.querySelector(".rows"), picture = box.querySelector("picture");
  const heads = [...headLine.querySelectorAll("a")], rows = [...box.querySelectorAll(".block > div")];
  const texts = rows.map((row) => row.lastChild.data), image = picture.querySelector("img");
  let ys = rows.map((_, y) => y), xs = heads.map((_, x) => x);
  const sources = [image, picture.querySelector("source")].map((e) => e.src || e.srcset);
  // The pixels move with the cells.
  const repaint = async (source) => {
    const whole = new Image();
    whole.src = source;
    await whole.decode();
    const draw = (w, h, from, list, place) => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [w, h];
      list.forEach((at, i) => place(canvas.getContext("2d"), from, at, i));
      return canvas;
    };
    const across = draw(xs.length, rows.length, whole, xs, (c, from, at, i) => c.drawImage(from, at, 0, 1, rows.length, i, 0, 1, rows.length));
    const down = draw(xs.length, ys.length, across, ys, (c, from, at, i) => c.drawImage(from, 0, at, xs.length, 1, 0, i, xs.length, 1));
    return down.toDataURL();
  };
  const cursor = document.createElement("span");
  cursor.className = "cursor";
  cursor.hidden = true;
  const cellWidth = () => {
    const range = document.createRange();
    range.selectNodeContents(rows[ys[0]].lastChild);
    return range.getBoundingClientRect().width / xs.length;
  };
  return {
    heads, rows,
    title: (x) => heads[x].textContent,
    text: (y, x) => texts[y].slice(x * WIDTH, (x + 1) * WIDTH).trim(),
    href(y, x) {
      const other = heads[x].dataset.stem;
      return heads[x].href && rows[y].firstChild.href && y !== x ? rows[y].firstChild.href + "#with-" + other : undefined;
    },
    async show(newYs, newXs) {
      [ys, xs] = [newYs, newXs];
      cursor.hidden = true;
      headLine.replaceChildren(headLine.firstChild, ...xs.map((x) => heads[x]));
      for (const y of ys) rows[y].lastChild.data = xs.map((x) => texts[y].slice(x * WIDTH, (x + 1) * WIDTH)).join("");
      picture.hidden = xs.length === 0 || ys.length === 0;
      box.replaceChildren(picture, ...ys.map((y) => rows[y]), cursor);
      if (picture.hidden) return;
      const [light, dark] = await Promise.all(sources.map(repaint));
      image.src = light;
      picture.querySelector("source").srcset = dark;
    },
    mark(y, x, follow) {
      if (!cursor.parentNode) box.append(cursor);
      const row = rows[y], wide = cellWidth();
      Object.assign(cursor.style, {
        left: row.firstChild.offsetWidth + xs.indexOf(x) * wide + "px", top: row.getBoundingClientRect().top - box.getBoundingClientRect().top + "px", width: wide + "px", height: row.offsetHeight + "px",
      });
      cursor.hidden = false;
      if (!follow) return;
      cursor.style.scrollMargin = headLine.offsetHeight + "px 0 0 " + row.firstChild.offsetWidth + "px";
      cursor.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
    find(event) {
      const row = event.target.closest(".rows div:not(.block)"), y = rows.indexOf(row);
      if (y < 0 || event.target.closest("a")) return null;
      const x = xs[Math.floor((event.clientX - row.getBoundingClientRect().left - row.firstChild.offsetWidth) / cellWidth())];
      return x === undefined ? null : [y, x];
    },
  };
}

const root = document.getElementById("matrix");
if (root && !document.body.classList.contains("bare")) explore(root);

function explore(root) {
  const large = root.dataset.large === "true", m = large ? linesOf(root) : tableOf(root);
  const region = root.querySelector(".scroll"), unit = document.querySelector(".key .unit").textContent;
  const at = { ys: m.rows.map((_, y) => y), xs: m.heads.map((_, x) => x) };

  const tools = document.createElement("form");
  tools.className = "tools";
  const field = (label, element) => {
    const box = document.createElement("label");
    box.append(label, element);
    tools.append(box);
    return element;
  };
  const input = (name) => Object.assign(document.createElement("input"), { type: "search", name, placeholder: "city, country, provider", autocomplete: "off" });
  const from = field("From", input("from")), to = field("To", input("to"));
  const sort = field("Sort cities by", Object.assign(document.createElement("select"), { name: "sort" }));
  for (const [value, label] of [["", "inventory"], ["name", "name"], ["words", "country"], ["east", "west to east"], ["middle", "median latency"]]) sort.add(new Option(label, value));
  root.before(tools);
  const reading = document.createElement("p");
  reading.className = "reading";
  reading.setAttribute("role", "status");
  root.after(reading);

  // The choice goes along to the other matrices.
  const links = [...document.querySelectorAll(".tabs a")], plain = links.map((a) => a.getAttribute("href"));
  const remember = () => {
    const chosen = new URLSearchParams([...new FormData(tools)].filter(([, v]) => v));
    const hash = [...chosen].length ? "#" + chosen : "";
    history.replaceState(null, "", hash || location.pathname + location.search);
    links.forEach((a, i) => a.setAttribute("href", plain[i] + hash));
  };
  const named = (element) => (element.tagName === "TR" ? element.cells[0].textContent : element.tagName === "DIV" ? element.firstChild.textContent : element.textContent);
  const matches = (element, text) => {
    const own = (named(element) + " " + element.dataset.words).toLowerCase();
    const parts = text.toLowerCase().split(",").map((p) => p.trim()).filter(Boolean);
    return parts.length === 0 || parts.some((p) => own.includes(p));
  };
  const order = (elements, text) => {
    const key = sort.value, kept = elements.map((e, i) => [e, i]).filter(([e]) => matches(e, text));
    const compare = {
      "": () => 0,
      name: (a, b) => named(a).localeCompare(named(b)),
      words: (a, b) => a.dataset.words.localeCompare(b.dataset.words) || named(a).localeCompare(named(b)),
    }[key] || ((a, b) => (a.dataset[key] === "") - (b.dataset[key] === "") || a.dataset[key] - b.dataset[key]);
    return kept.sort(([a, i], [b, j]) => compare(a, b) || i - j).map(([, i]) => i);
  };
  const apply = () => {
    [at.ys, at.xs] = [order(m.rows, from.value), order(m.heads, to.value)];
    m.show(at.ys, at.xs);
    reading.textContent = at.ys.length && at.xs.length ? "" : "No city of that name.";
    here = null;
    remember();
  };
  let waiting;
  tools.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, large ? 120 : 0);
  });
  tools.addEventListener("submit", (event) => event.preventDefault());

  // A cell is read out where the pointer or the arrow keys are.
  let here = null;
  const read = (y, x, follow) => {
    here = [y, x];
    m.mark(y, x, follow);
    const text = m.text(y, x), figure = /\d/.test(text);
    reading.textContent = `${named(m.rows[y])} → ${m.title(x)}: ${text}${figure ? " " + unit : ""}`;
  };
  region.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.target !== region || !at.ys.length || !at.xs.length) return;
    if (event.key === "Enter" && here) {
      const href = m.href(...here);
      if (href) location.href = href;
    }
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const move = (list, value, by) => list[Math.min(list.length - 1, Math.max(0, list.indexOf(value) + by))];
    read(here ? move(at.ys, here[0], step[0]) : at.ys[0], here ? move(at.xs, here[1], step[1]) : at.xs[0], true);
  });
  if (large) {
    region.addEventListener("pointermove", (event) => {
      const cell = m.find(event);
      if (cell && !(here && cell[0] === here[0] && cell[1] === here[1])) read(...cell, false);
    });
    region.addEventListener("click", (event) => {
      const cell = m.find(event), href = cell && String(getSelection()) === "" && m.href(...cell);
      if (href) location.href = href;
    });
  }

  const asked = new URLSearchParams(location.hash.slice(1));
  for (const element of [from, to, sort]) if (asked.has(element.name)) element.value = asked.get(element.name);
  if (asked.size) apply();
}
