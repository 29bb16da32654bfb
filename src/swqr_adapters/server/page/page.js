// What comes from the server is shown as text and never as markup.
"use strict";

const LEAST = 2000; // milliseconds between two looks
const SHARE = 10; // a slow server is asked more rarely: a look takes at most a tenth of the time
const known = new Map(); // what is on the page of each session
let key = "";

const at = (id) => document.getElementById(id);

function make(tag, text, look = "") {
  const made = document.createElement(tag);
  made.textContent = text ?? "-";
  if (look) made.className = look;
  return made;
}

async function ask(path) {
  const headers = key ? { Authorization: `apikey ${key}` } : {};
  const answer = await fetch(path, { headers, cache: "no-store" });
  if (!answer.ok) throw Object.assign(new Error(`status ${answer.status}`), { status: answer.status });
  return answer;
}

function span(seconds) {
  if (seconds === null || seconds === undefined) return "-";
  const s = Math.max(0, seconds);
  if (s < 60) return `${s.toFixed(1)}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${String(Math.floor(s % 60)).padStart(2, "0")}s`;
  return `${Math.floor(s / 3600)}h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
}

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

const state = (word, tag = "td") => make(tag, word, `state ${word}`);

function jobRow(job) {
  const place = job.queue_position ? ` (${job.queue_position})` : "";
  const shown = state(job.state);
  shown.append(place);
  if (job.reason) shown.title = job.reason;
  return row(
    make("td", job.id), shown, make("td", job.backend), make("td", job.program, "less"),
    make("td", job.session, "less"), make("td", span(job.elapsed)), make("td", span(job.usage)),
  );
}

function backendRow(one) {
  return row(make("td", one.name), make("td", one.num_qubits), state(one.status), make("td", one.queue_length));
}

async function draw(entry) {
  const version = entry.version;
  if (!entry.box.open || entry.drawn === version) return;
  const answer = await ask(`/_swqr/sessions/${encodeURIComponent(entry.id)}/timeline`);
  const url = URL.createObjectURL(await answer.blob());
  const before = entry.image.src;
  entry.image.src = url;
  entry.drawn = version;
  if (before) URL.revokeObjectURL(before);
}

function sessionBox(one) {
  let entry = known.get(one.id);
  if (!entry) {
    const box = document.createElement("details");
    const head = document.createElement("summary");
    const wide = make("div", "", "wide");
    const image = document.createElement("img");
    image.alt = `Life of session ${one.id}`;
    wide.append(image);
    box.append(head, wide);
    entry = { id: one.id, box, head, image, drawn: null, version: "" };
    box.addEventListener("toggle", () => draw(entry).catch(() => {}));
    known.set(one.id, entry);
  }
  // A session that lives changes with every look.
  entry.version = one.state === "closed" ? `closed ${one.running}` : one.now;
  entry.head.replaceChildren(
    state(one.state, "span"), make("span", one.id), make("span", `${one.mode}, ${one.backend ?? "-"}`),
    make("span", `used ${span(one.usage)}`, "quiet"),
  );
  if (one.reason) entry.head.title = one.reason;
  return entry;
}

function place(parent, boxes) {
  // Moving an open box would close nothing but lose the focus; so only what differs is touched.
  boxes.forEach((box, number) => {
    if (parent.children[number] !== box) parent.insertBefore(box, parent.children[number] ?? null);
  });
  while (parent.children.length > boxes.length) parent.lastChild.remove();
}

function show(seen) {
  at("main").hidden = false;
  at("door").hidden = true;
  const about = `${seen.transport}: ${seen.totals.sessions} sessions, ${seen.totals.jobs} jobs`;
  at("about").textContent = seen.draining ? `${about}; going down` : about;
  at("about").className = "";
  const entries = seen.sessions.map((one) => sessionBox({ ...one, now: seen.now }));
  place(at("sessions"), entries.map((entry) => entry.box));
  const there = new Set(entries);
  for (const [id, entry] of known) if (!there.has(entry)) known.delete(id);
  at("jobs").replaceChildren(...seen.jobs.map(jobRow));
  at("backends").replaceChildren(...seen.backends.map(backendRow));
  return Promise.all(entries.map(draw));
}

async function look() {
  const began = performance.now();
  try {
    await show(await (await ask("/_swqr/overview")).json());
  } catch (error) {
    at("about").className = "lost";
    if (error.status === 401) {
      at("about").textContent = key ? "This is not the control key." : "The control key opens this page.";
      at("main").hidden = true;
      at("door").hidden = false;
      return; // until there is a key
    }
    at("about").textContent = `The server does not answer (${error.message}); trying again`;
  }
  const pause = Math.max(LEAST, SHARE * (performance.now() - began));
  if (document.hidden) document.addEventListener("visibilitychange", look, { once: true });
  else setTimeout(look, pause);
}

at("door").addEventListener("submit", (event) => {
  event.preventDefault();
  key = at("key").value;
  look();
});
look();
