// The shell: which view is shown, what is asked of the server, and what the buttons do.

import { byId, make, say, written } from "./dom.js";
import { Sources, isBusy, showHealth, showHistory, showRejected } from "./tables.js";

const VIEWS = ["sources", "history", "rejected", "report", "health"];
const QUICK = 1000; // ms between two questions while something runs
const SLOW = 5000;
const PAGE = 50; // rejected rows at once

let proof = "";
let state = null;
let timer = 0;
let start = 0; // of the rejected rows
const seen = new Map(); // source -> number and state of the last wish

class Refused extends Error {}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, credentials: "same-origin", redirect: "error" });
  } catch {
    throw new Refused("marsad serve does not answer. Is it running? Start it: marsad serve");
  }
  const told = answer.headers.get("content-type")?.includes("json") ? await answer.json() : null;
  if (answer.status === 401) location.assign("/login");
  if (!answer.ok) throw new Refused(told?.error ?? `the server failed with ${answer.status}; its log says why`);
  return told;
}

const post = (path, body = {}) => ask(path, {
  method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", "X-Marsad-Proof": proof },
});

function problem(told) {
  byId("problem").hidden = !told;
  say(byId("problem"), told ?? "");
}

/** Ask, and show what went wrong where something did. */
async function tried(work) {
  try {
    await work();
    return true;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problem(error.message);
    return false;
  }
}

// What is shown

const sources = new Sources(act);

function view() {
  const [name, source] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { name: VIEWS.includes(name) ? name : "sources", source: source ?? "" };
}

function route(event) {
  const { name, source } = view();
  for (const one of VIEWS) byId(`view-${one}`).hidden = one !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = byId(`${name}-title`).textContent;
  document.title = `${title} · marsad`;
  if (event) byId("main").focus({ preventScroll: true });
  if (name === "rejected" && source && byId("rejected-form").source.value !== source) {
    byId("rejected-form").source.value = source;
    byId("rejected-form").reason.value = "";
    start = 0;
  }
  load();
}

/** What the view in sight needs besides the state. */
function load() {
  const { name } = view();
  if (name === "history") tried(loadHistory);
  if (name === "rejected") tried(loadRejected);
  if (name === "health") tried(async () => showHealth(await ask("/api/health"), new Date()));
  if (name === "report") loadReport();
}

async function loadHistory() {
  const form = byId("history-form");
  const query = new URLSearchParams({ source: form.source.value, most: form.most.value, unchanged: form.changes.checked ? "0" : "1" });
  showHistory(await ask(`/api/history?${query}`), new Date());
}

async function loadRejected() {
  const form = byId("rejected-form");
  const wanted = { source: form.source.value, reason: form.reason.value };
  const told = await ask(`/api/rejected?${new URLSearchParams({ ...wanted, start, most: PAGE })}`);
  if (form.source.value !== wanted.source || form.reason.value !== wanted.reason) return; // asked again meanwhile
  const counted = Object.entries(told.reasons);
  choices(form.reason, counted.map(([reason, number]) => [reason, `${reason} (${number})`]));
  byId("replay").hidden = !wanted.source || !told.total;
  say(byId("replay"), wanted.reason ? `Replay files with ${wanted.reason}` : "Replay");
  showRejected(told);
}

let reportVersion = null; // in the frame, or being made

async function loadReport() {
  const version = state?.version ?? null;
  if (version === null) say(byId("report-state"), state ? "There is no dataset yet: press Run beside a source." : "");
  if (version === null || version === reportVersion) return;
  reportVersion = version;
  say(byId("report-state"), `The report of version ${version} is being made…`);
  const done = await tried(async () => {
    const made = await ask("/api/report");
    const title = `Report of version ${made.version}`;
    const frame = make("iframe", { title, src: "/report", sandbox: "allow-scripts allow-downloads" });
    frame.addEventListener("load", () => say(byId("report-state"), `Version ${made.version}, as of ${written(made.at)}`));
    byId("report-frame").replaceChildren(frame);
  });
  if (done) return;
  reportVersion = null;
  say(byId("report-state"), "It could not be made; the reason stands above. Open this view again to try again.");
}

function choices(select, pairs) {
  const key = JSON.stringify(pairs);
  if (select.dataset.key === key) return;
  select.dataset.key = key;
  const value = select.value;
  const options = pairs.map(([name, shown]) => make("option", { value: name }, shown));
  select.replaceChildren(select.options[0], ...options);
  select.value = pairs.some(([name]) => name === value) ? value : "";
}

// The state, again and again

async function refresh() {
  clearTimeout(timer);
  let wait = SLOW;
  const done = await tried(async () => {
    const told = await ask("/api/state");
    const before = state;
    state = told;
    proof = told.proof ?? "";
    problem(told.problem ? `The configuration has a mistake; the one before stays in use until it is mended.\n${told.problem}` : null);
    byId("logout").hidden = told.open;
    say(byId("dataset"), told.dataset);
    say(byId("version"), told.version === null ? "no version yet" : `version ${told.version}`);
    say(byId("scheduler"), told.scheduler ? "scheduler: up" : "scheduler: none");
    byId("scheduler").title = told.scheduler ?? "Sources run only by hand. Start it: marsad schedule";
    sources.show(told, new Date(told.at));
    announce(told);
    const names = told.sources.map((one) => [one.now.source, one.now.source]);
    choices(byId("history-form").source, names);
    choices(byId("rejected-form").source, names);
    if (!before) route();
    else if (settled(before) !== settled(told)) load();
    if (told.sources.some(isBusy)) wait = QUICK;
  });
  if (!done) proof = "";
  if (!document.hidden) timer = setTimeout(refresh, wait);
}

/** What changes when a run comes to its end, or a pause. */
const settled = (told) => JSON.stringify([told.version, told.sources.map((one) => [one.now.state, one.now.last_run, one.now.paused])]);

function announce(told) {
  for (const { now, asked } of told.sources) {
    if (!asked) continue;
    const key = `${asked.number} ${asked.state}`;
    if (seen.get(now.source) === key) continue;
    const isNew = seen.has(now.source) || ["waiting", "running"].includes(asked.state);
    seen.set(now.source, key);
    if (!isNew) continue;
    const ended = asked.ended ? ` at ${written(asked.ended)}` : "";
    const rows = asked.state === "done" ? `, ${now.posts.toLocaleString("en-US")} posts` : "";
    say(byId("said"), `${asked.command}: ${asked.state}${ended}${rows}`);
  }
}

// What the buttons do

async function act(action, one) {
  const name = one.now.source;
  let body = {};
  let word = action;
  if (action === "rerun") body = await askRerun(name);
  if (action === "pause" && one.now.paused) word = "resume";
  else if (action === "pause") body = await askPause(name);
  if (body === null) return;
  await tried(async () => {
    await post(`/api/sources/${encodeURIComponent(name)}/${word}`, body);
    if (["pause", "resume"].includes(word)) say(byId("said"), `${name}: ${word}d`);
    if (word === "stop") say(byId("said"), `${name}: is being stopped`);
    await refresh();
  });
}

/** A dialog's answer: its form when the main button was pressed, else null. */
function dialog(id, prepare) {
  const shown = byId(id);
  const form = shown.querySelector("form");
  form.reset();
  prepare(form);
  shown.returnValue = "";
  shown.showModal();
  return new Promise((resolve) => {
    shown.addEventListener("close", () => resolve(shown.returnValue === "go" ? form : null), { once: true });
  });
}

async function askRerun(name) {
  say(byId("rerun-name"), name);
  const words = (form) => {
    const days = ["since", "until"].filter((key) => form[key].value).map((key) => ` --${key} ${form[key].value}`);
    say(byId("rerun-words"), `marsad rerun ${name}${days.join("")}${form.force.checked ? " --force" : ""}`);
    const isWrong = form.since.value && form.until.value && form.since.value > form.until.value;
    form.until.setCustomValidity(isWrong ? "The last day is before the first." : "");
  };
  const form = await dialog("rerun", (form) => {
    form.oninput = () => words(form);
    words(form);
  });
  return form && { since: form.since.value || null, until: form.until.value || null, force: form.force.checked };
}

async function askPause(name) {
  say(byId("pause-name"), name);
  const form = await dialog("pause", () => {});
  return form && { why: form.why.value };
}

byId("run-all").addEventListener("click", () => tried(async () => {
  for (const one of state?.sources ?? []) {
    if (one.now.configured && !one.now.paused && !isBusy(one)) await post(`/api/sources/${encodeURIComponent(one.now.source)}/run`);
  }
  await refresh();
}));
byId("replay").addEventListener("click", () => tried(async () => {
  const form = byId("rejected-form");
  await post(`/api/sources/${encodeURIComponent(form.source.value)}/replay`, { reason: form.reason.value || null });
  await refresh();
}));
byId("logout").addEventListener("click", () => tried(async () => {
  await post("/logout");
  location.assign("/login");
}));
byId("history-form").addEventListener("change", load);
byId("rejected-form").addEventListener("change", () => { start = 0; load(); });
for (const form of ["history-form", "rejected-form"]) byId(form).addEventListener("submit", (event) => event.preventDefault());
for (const [id, step] of [["earlier", -PAGE], ["later", PAGE]]) {
  byId(id).addEventListener("click", (event) => {
    if (event.currentTarget.ariaDisabled === "true") return;
    start = Math.max(0, start + step);
    load();
  });
}
addEventListener("hashchange", route);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
refresh();
