// The lists that count and filter: places, places named together, sources, languages.

const FIRST_ROWS = 12;
const MOST_ROWS = 300;

// A list of rows, each a button.  A row: {key, label, note, n, all, unit, pressed, choose}; label and note make nodes, only when shown.
class Rows {
  constructor(id, what) {
    this.list = find(id);
    this.what = what;
    this.whole = false;
    this.more = make("button", { type: "button", class: "quiet more", hidden: true, onclick: () => { this.whole = !this.whole; this.show(this.rows); } });
    this.list.after(this.more);
  }

  show(rows, empty = "none") {
    this.rows = rows;
    const held = document.activeElement?.closest(`#${this.list.id} [data-key]`)?.dataset.key;
    const shown = this.whole ? rows.slice(0, MOST_ROWS) : rows.filter((row, rank) => rank < FIRST_ROWS || row.pressed);
    let most = 1;
    for (const row of rows) most = Math.max(most, row.all ?? row.n);
    this.list.replaceChildren(...shown.map((row) => this.row(row, most)));
    if (!rows.length) this.list.append(make("li", { class: "note" }, empty));
    this.more.hidden = rows.length <= FIRST_ROWS;
    this.more.textContent = this.whole ? "Show fewer" : `Show ${rows.length > MOST_ROWS ? `the first ${count(MOST_ROWS)} of ` : "all "}${count(rows.length)} ${this.what}`;
    if (held !== undefined) this.list.querySelector(`[data-key="${held}"]`)?.focus();
  }

  row(row, most) {
    const bar = make("span", { class: "bar-all", "aria-hidden": "true" });
    bar.style.width = `${(100 * (row.all ?? row.n)) / most}%`;
    const part = make("span", { class: "bar-part", "aria-hidden": "true" });
    part.style.width = `${(100 * row.n) / most}%`;
    return make("li", {}, make("button", { type: "button", "data-key": row.key, "aria-pressed": String(row.pressed), onclick: row.choose },
      make("span", { class: "row-label" }, ...row.label()),
      make("span", { class: "row-number" }, count(row.n), make("span", { class: "hidden" }, ` ${row.unit}`)), bar, part),
    ...(row.note ? [row.note()] : []));
  }
}

class Panels {
  constructor(data, filters, changed) {
    this.data = data;
    this.filters = filters;
    this.changed = changed;
    this.places = new Rows("places", "places");
    this.pairs = new Rows("pairs", "pairs");
    this.sources = new Rows("sources", "sources");
    this.languages = new Rows("languages", "languages");
    find("find-place").addEventListener("input", () => this.showPlaces());
  }

  toggle(kind, set, key) {
    if (!set.delete(key)) set.add(key);
    this.changed(kind);
  }

  togglePlace(place) {
    this.toggle("place", this.filters.places, place);
  }

  show(counts, all) {
    this.counts = counts;
    const { data, filters } = this;
    const rows = (names, numbers, totals, set, kind, label) => names.map((name, i) => ({
      key: i, label: () => label(name, i), n: numbers[i], all: totals[i], unit: "posts", pressed: set.has(i), choose: () => this.toggle(kind, set, i),
    }));
    const sources = rows(data.sources, counts.sources, all.sources, filters.sources, "source", (source) => [apart(source.name)]);
    sources.forEach((row, i) => { row.note = () => this.health(data.sources[i]); });
    sources.sort((a, b) => b.all - a.all || a.key - b.key);
    this.sources.show(sources, "This dataset holds no source yet.");
    this.languages.show(rows(data.languages, counts.languages, all.languages, filters.languages, "language",
      (code) => [languageName(code), make("span", { class: "faint" }, ` ${code}`)]), "No posts.");
    this.showPlaces();
    this.showPairs();
    find("places-mode").replaceChildren(...(filters.places.size > 1 ? [make("button", {
      type: "button", class: "quiet", "aria-pressed": String(filters.allPlaces), onclick: () => { filters.allPlaces = !filters.allPlaces; this.changed("place"); },
    }, "posts must name all")] : []));
  }

  placeLabel(place) {
    const { places, word } = this.data;
    const arabic = word(places.arabic[place]);
    const name = word(places.name[place]);
    return [apart(name), ...(arabic && arabic !== name ? [" ", make("bdi", { lang: "ar", class: "arabic" }, arabic)] : [])];
  }

  showPlaces() {
    const { data, filters, counts } = this;
    const { places, word } = data;
    const wanted = folded(find("find-place").value, data.folds).trim();
    const rows = [];
    for (let i = 0; i < data.placeCount; i += 1) {
      const pressed = filters.places.has(i);
      if (!counts.placeMentions[i] && !pressed) continue;
      if (wanted && !pressed && !folded(`${word(places.name[i])} ${word(places.arabic[i])}`, data.folds).includes(wanted)) continue;
      rows.push({ key: i, n: counts.placeMentions[i], unit: "mentions", pressed, choose: () => this.togglePlace(i),
        label: () => [...this.placeLabel(i), make("span", { class: "faint" }, ` ${spaced(word(places.feature[i]))}, ${word(places.country[i])}`)] });
    }
    rows.sort((a, b) => b.pressed - a.pressed || b.n - a.n || a.key - b.key);
    this.places.show(rows, wanted ? "No place is called so." : "No post names a place.");
  }

  showPairs() {
    const { data, filters, counts } = this;
    const found = [];
    counts.pairs.forEach((n, pair) => { if (n) found.push([n, pair]); });
    found.sort((a, b) => b[0] - a[0] || a[1] - b[1]);
    this.pairs.show(found.map(([n, pair]) => {
      const both = data.pairPlaces[pair];
      const pressed = filters.allPlaces && filters.places.size === 2 && both.every((place) => filters.places.has(place));
      return { key: pair, n, unit: "posts", pressed, label: () => [...this.placeLabel(both[0]), " + ", ...this.placeLabel(both[1])],
        choose: () => {
          filters.places = new Set(pressed ? [] : both);
          filters.allPlaces = !pressed;
          this.changed("place");
        } };
    }), "No two places are named in one post.");
  }

  health(source) {
    const bad = ["failed", "killed", "interrupted"].includes(source.state);
    const told = [plural(source.files, "file")];
    if (source.rejected) told.push(`${plural(source.rejected, "row")} rejected`);
    if (source.state) told.push(`last run ${source.state}${source.lastRun ? ` ${source.lastRun}` : ""}`);
    else told.push(`rows of ${source.published}`);
    if (source.nextRun) told.push(`next ${source.nextRun}`);
    const word = bad || source.problems.length ? "look" : "well";
    const made = make("p", { class: `health ${word}` }, make("span", { class: "sign" }, bad ? "✕ failed" : word === "look" ? "! look" : "✓ well"),
      ` ${told.join(" · ")}`);
    for (const problem of source.problems.slice(0, 3)) made.append(make("span", { class: "problem" }, apart(problem)));
    if (source.problems.length > 3) made.append(make("span", { class: "problem" }, `and ${count(source.problems.length - 3)} more`));
    return made;
  }
}
