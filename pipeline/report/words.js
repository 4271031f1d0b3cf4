// Small things that every part uses: elements, numbers, names.

const find = (id) => document.getElementById(id);
const count = new Intl.NumberFormat("en").format;
const DAY = 86400000;

// An element; text goes in as text only, whatever it holds.
function make(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}

// A name that may run right to left, apart from what stands around it.
const apart = (text, language) => make("bdi", language ? { lang: language } : {}, text);

const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

const iso = (time) => new Date(time).toISOString().slice(0, 10);

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function dayName(time) {
  const day = new Date(time);
  return `${day.getUTCDate()} ${MONTHS[day.getUTCMonth()]} ${day.getUTCFullYear()}`;
}

// A day from an input of the form 2015-03-04 as milliseconds; null without one.
function dayOf(text) {
  const time = text ? Date.parse(`${text}T00:00:00Z`) : NaN;
  return Number.isNaN(time) ? null : time;
}

const languageNames = new Intl.DisplayNames(["en"], { type: "language" });

function languageName(code) {
  if (code === "mul") return "several languages";
  if (code === "und") return "no language found";
  try {
    return languageNames.of(code);
  } catch {
    return code;
  }
}

const spaced = (word) => word.replaceAll("_", " ");
