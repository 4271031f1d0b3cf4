// The list of posts: a page of them at a time, each text with the words that name places and dates.

const PAGE = 20;

// Signs that turn the direction of what follows.  They are shown by name, and do not act.
const TURNING = new Map([
  ["\u202A", "LRE"], ["\u202B", "RLE"], ["\u202C", "PDF"], ["\u202D", "LRO"], ["\u202E", "RLO"],
  ["\u2066", "LRI"], ["\u2067", "RLI"], ["\u2068", "FSI"], ["\u2069", "PDI"],
]);
const SHOWN = /[\u202A-\u202E\u2066-\u2069\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/;

// Raw text as nodes: letters as they are, signs that could disturb as small labels.
function letters(text) {
  if (!SHOWN.test(text)) return [text];
  const nodes = [];
  let plain = "";
  for (const letter of text) {
    if (SHOWN.test(letter)) {
      const name = TURNING.get(letter) || `U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
      nodes.push(plain, make("span", { class: "sign-shown", title: `control character ${name}` }, name));
      plain = "";
    } else plain += letter;
  }
  return [...nodes, plain];
}

// The text cut wherever a mention begins or ends: [start, end, mentions of places, mentions of dates] in code points.
function pieces(length, places, dates) {
  const edges = new Set([0, length]);
  for (const [start, end] of [...places, ...dates]) {
    if (start < length) edges.add(start).add(Math.min(end, length));
  }
  const sorted = [...edges].sort((a, b) => a - b);
  const found = [];
  for (let k = 0; k + 1 < sorted.length; k += 1) {
    const [start, end] = [sorted[k], sorted[k + 1]];
    const covering = (mentions) => mentions.filter((mention) => mention[0] <= start && mention[1] >= end).map((mention) => mention[2]);
    found.push([start, end, covering(places), covering(dates)]);
  }
  return found;
}

class Posts {
  constructor(data, filters, changed) {
    this.data = data;
    this.filters = filters;
    this.changed = changed;
    this.at = 0;
    this.orders = {};
    this.order = this.ordered("old");
    find("order").addEventListener("change", (event) => { this.order = this.ordered(event.target.value); this.show(); });
    find("previous").addEventListener("click", () => this.turn(-1));
    find("next").addEventListener("click", () => this.turn(1));
    const cards = find("cards");
    for (const kind of ["pointerover", "focusin"]) cards.addEventListener(kind, (event) => this.point(event));
    for (const kind of ["pointerout", "focusout"]) cards.addEventListener(kind, () => tips.hide());
    cards.addEventListener("click", (event) => this.choose(event));
    cards.addEventListener("keydown", (event) => {
      if ((event.key === "Enter" || event.key === " ") && event.target.closest(".m")) {
        event.preventDefault();
        this.choose(event);
      }
    });
  }

  ordered(name) {
    if (this.orders[name]) return this.orders[name];
    const { data } = this;
    const key = Float64Array.from({ length: data.n }, (_, post) => {
      const time = data.local[post] === UNKNOWN ? data.time[post] : data.local[post];
      if (name === "rich") return data.mentioning.starts[post] - data.mentioning.starts[post + 1] + data.dating.starts[post] - data.dating.starts[post + 1];
      if (time === UNKNOWN) return Infinity; // unknown times stand last either way
      return name === "new" ? -time : time;
    });
    const order = Int32Array.from({ length: data.n }, (_, post) => post);
    order.sort((a, b) => (key[a] === key[b] ? a - b : key[a] - key[b]));
    this.orders[name] = order;
    return order;
  }

  show() {
    this.found = this.filters.passing(this.order);
    this.at = 0;
    this.draw();
  }

  turn(step) {
    this.at += step;
    this.draw();
    find("posts").scrollTo({ top: 0 });
    find("cards").querySelector("li")?.focus({ preventScroll: false });
  }

  draw() {
    const { found, at } = this;
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    tips.hide();
    find("cards").setAttribute("start", String(at * PAGE + 1));
    find("cards").replaceChildren(...Array.from(found.subarray(at * PAGE, (at + 1) * PAGE), (post) => this.card(post)));
    if (!found.length) find("cards").append(make("li", { class: "note none" }, this.data.n ? "No post passes these filters." : "This dataset holds no posts."));
    find("where").textContent = `Page ${count(at + 1)} of ${count(pages)}`;
    find("previous").disabled = at === 0;
    find("next").disabled = at + 1 >= pages;
  }

  card(post) {
    const { data } = this;
    const { posts, word } = data;
    const language = data.languages[data.language[post]];
    const group = word(posts.group[post]);
    const text = make("p", { class: language === "mul" ? "text mixed" : "text", dir: { 1: "rtl", "-1": "ltr", 0: "auto" }[posts.direction[post]] });
    if (language !== "und" && language !== "mul") text.setAttribute("lang", language);
    text.append(...this.marked(post));
    if (!posts.text[post]) text.append(make("span", { class: "faint" }, "no text"));
    const kind = word(posts.kind[post]);
    return make("li", { class: "card", tabindex: "-1", "data-post": String(post) },
      make("p", { class: "card-head" }, make("time", {}, this.when(post)), make("span", { class: "from" }, apart(data.sources[data.source[post]].name)),
        group ? apart(group) : "", make("span", { class: "faint" }, `${kind && kind !== "post" ? `${kind} · ` : ""}${languageName(language)}`)),
      text,
      posts.cut[post] ? make("p", { class: "note small" }, `cut here; ${plural(posts.cut[post], "more character")} in the dataset`) : "",
      make("details", { class: "origin" }, make("summary", {}, "Where it is from"),
        make("p", {}, apart(word(posts.file[post])), posts.locator[post] ? ` at ${posts.locator[post]}` : ""),
        make("p", {}, "Its bytes: ", make("code", {}, "marsad source ", apart(`'${posts.id[post]}'`)))));
  }

  when(post) {
    const { data } = this;
    const [local, time] = [data.local[post], data.time[post]];
    const precision = data.word(data.posts.precision[post]);
    const shown = local === UNKNOWN ? time : local;
    if (shown === UNKNOWN) return "time not known";
    const day = dayName(shown);
    if (precision === "year") return day.slice(-4);
    if (precision === "month") return day.replace(/^\d+ /, "");
    if (precision === "day" || precision === "estimate") return `${precision === "estimate" ? "about " : ""}${day}`;
    const clock = new Date(shown).toISOString().slice(11, 16);
    return `${day}, ${clock}${local === UNKNOWN ? " UTC" : time === UNKNOWN ? " (zone not known)" : ""}`;
  }

  // The raw text as nodes; spans count code points, which JavaScript's own indices do not.
  marked(post) {
    const { data } = this;
    const text = data.posts.text[post];
    const points = Array.from(text);
    const spans = (table, index) => {
      const own = [];
      for (let k = index.starts[post]; k < index.starts[post + 1]; k += 1) own.push([table.start[index.order[k]], table.end[index.order[k]], index.order[k]]);
      return own;
    };
    const places = spans(data.mentions, data.mentioning);
    const dates = spans(data.dates, data.dating);
    if (!places.length && !dates.length) return letters(text);
    return pieces(points.length, places, dates).flatMap(([start, end, place, date]) => {
      const inner = letters(points.slice(start, end).join(""));
      if (!place.length && !date.length) return inner;
      const open = place.some((i) => data.mentions.ambiguous[i]);
      return [make("span", { class: `m${place.length ? " p" : ""}${date.length ? " d" : ""}${open ? " open" : ""}`, role: "button", tabindex: "0",
        "data-places": place.join(" "), "data-dates": date.join(" ") }, ...inner)];
    });
  }

  point(event) {
    const mark = event.target.closest(".m");
    if (!mark) return;
    const { places, dates } = ids(mark);
    tips.by(mark, make("div", { class: "tip-parts" }, ...places.map((i) => mentionTip(this.data, i)), ...dates.map((i) => dateTip(this.data, i)),
      make("p", { class: "note" }, `Click or Enter: posts ${places.length ? "that name this place" : "that mention these days"}`)));
  }

  choose(event) {
    const mark = event.target.closest(".m");
    if (!mark) return;
    const { places, dates } = ids(mark);
    const { data, filters } = this;
    if (places.length) {
      filters.places = new Set([data.placeOf[places[0]]]);
      filters.allPlaces = false;
      this.changed("place");
    } else if (data.first[dates[0]] !== UNKNOWN) {
      filters.mentioned = [data.first[dates[0]], data.last[dates[0]] + DAY];
      this.changed("mentioned");
    }
  }
}

function ids(mark) {
  const split = (text) => (text ? text.split(" ").map(Number) : []);
  return { places: split(mark.dataset.places), dates: split(mark.dataset.dates) };
}
