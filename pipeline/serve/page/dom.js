// Small tools: elements are made and filled as text, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties and children; strings become text. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key in element && key !== "list") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Give an element a text, only where it is another: screen readers and selections are left in peace. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Let an element have these children, only where what they show is other than before. */
export function fill(element, key, children) {
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...children());
}

export const count = (number) => Number(number).toLocaleString("en-US");
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** 75 → "1 min 15 s" */
export function span(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** How far a moment is from now, roughly: "3 h ago", "in 12 min". */
export function apart(moment, now) {
  const seconds = (new Date(moment) - now) / 1000;
  const size = Math.abs(seconds);
  const told = size < 90 ? `${Math.round(size)} s` : size < 5400 ? `${Math.round(size / 60)} min`
    : size < 129600 ? `${Math.round(size / 3600)} h` : `${Math.round(size / 86400)} days`;
  return seconds < 0 ? `${told} ago` : `in ${told}`;
}

/** 2026-03-05 18:30 UTC, as the command line writes it */
export const written = (moment) => `${new Date(moment).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** A cell's time: how far away, and when exactly. */
export function timeCell(cell, moment, now, without = "") {
  const near = moment ? apart(moment, now) : "";
  fill(cell, `${moment}|${near}|${without}`, () => moment
    ? [make("time", { dateTime: moment }, near), make("small", { className: "exact" }, written(moment))]
    : [without]);
}

const CONTROLS = /([\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u202a-\u202e\u2066-\u2069])/;

/** Text of an export: laid out by its own direction, alone; signs that would turn or hide text are shown. */
export function raw(text) {
  const parts = text.split(CONTROLS).map((part) => CONTROLS.test(part)
    ? make("span", { className: "control" }, `U+${part.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`)
    : part);
  return make("pre", { className: "raw", dir: "auto" }, ...parts);
}

/** What has to be scrolled must be reached without a mouse, too. */
export function reach(elements, label) {
  for (const element of elements) {
    if (element.scrollHeight > element.clientHeight) Object.assign(element, { tabIndex: 0, role: "group", ariaLabel: label });
  }
}
