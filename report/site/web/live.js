// Keeps the live page up to date without loading it again: its state now and then,
// the round when there is another one.
"use strict";

const fetched = async (address) => {
  const answer = await fetch(address, { cache: "no-cache" });
  if (!answer.ok) throw new Error(answer.status);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};

// exchange puts a part in the place of the one that is there, if it is another, and
// keeps what the reader has opened and chosen.
function exchange(id, page) {
  const old = document.getElementById(id), next = document.importNode(page.getElementById(id), true);
  const open = [...old.querySelectorAll("details[open][id]")].map((d) => d.id);
  const chosen = [...old.querySelectorAll("input:checked")].map((i) => i.id);
  const scrolled = [...old.querySelectorAll(".scroll")].map((s) => [s.scrollLeft, s.scrollTop]);
  if (old.dataset.text === next.innerHTML) return;
  next.dataset.text = next.innerHTML;
  const focused = old.contains(document.activeElement) ? document.activeElement.closest("[id]")?.id : undefined;
  for (const d of open) next.querySelector(`#${CSS.escape(d)}`)?.setAttribute("open", "");
  old.replaceWith(next);
  for (const i of chosen) { const input = document.getElementById(i); if (input) input.checked = true; }
  next.querySelectorAll(".scroll").forEach((s, n) => scrolled[n] && s.scrollTo(...scrolled[n]));
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

async function look() {
  const state = () => document.getElementById("state");
  try {
    const shown = state().dataset.stamp, page = await fetched("live/state");
    if (page.getElementById("state").dataset.stamp !== shown) {
      const whole = await fetched("./");
      exchange("round", whole);
      exchange("state", whole);
    } else {
      exchange("state", page);
    }
    document.getElementById("unreachable")?.remove();
  } catch {
    if (!document.getElementById("unreachable")) {
      const p = document.createElement("p");
      p.id = "unreachable";
      p.className = "partial";
      p.textContent = "The service does not answer. What is shown is as it was at " + new Date().toISOString().slice(11, 16) + " UTC.";
      document.getElementById("main").prepend(p);
    }
  }
  setTimeout(look, 1000 * Number(state().dataset.every));
}

// A page that was saved has nobody to ask.
if (location.protocol !== "file:") setTimeout(look, 1000 * Number(document.getElementById("state").dataset.every));
