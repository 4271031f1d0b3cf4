// What a pointer or the focus brings up: how words were read, what a dot stands for.

const tips = {
  show(content, box) {
    find("tip").replaceChildren(content);
    find("tip").hidden = false;
    this.place(box);
  },
  place(box) {
    const tip = find("tip");
    const own = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - own.width - 8));
    const below = box.bottom + 8 + own.height < window.innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${Math.max(8, below ? box.bottom + 8 : box.top - own.height - 8)}px`;
  },
  at(x, y, content) {
    this.show(content, { left: x + 12, top: y - 4, bottom: y + 8 });
  },
  by(element, content) {
    const box = element.getClientRects()[0] || element.getBoundingClientRect();
    this.show(content, box);
    element.setAttribute("aria-describedby", "tip");
  },
  // Stay beside the words while the page scrolls.
  follow() {
    const held = document.querySelector("[aria-describedby=tip]");
    if (held && held === document.activeElement) this.place(held.getClientRects()[0]);
    else this.hide();
  },
  hide() {
    find("tip").hidden = true;
    document.querySelector("[aria-describedby=tip]")?.removeAttribute("aria-describedby");
  },
};

const line = (name, value) => (value === "" || value === null ? null : make("div", {}, make("dt", {}, name), make("dd", {}, value)));

function placeTitle(data, place) {
  const { places, word } = data;
  const arabic = word(places.arabic[place]);
  return make("p", { class: "tip-head" }, apart(word(places.name[place])), arabic ? " · " : "", arabic ? apart(arabic, "ar") : "");
}

function whereIs(data, place) {
  const { places, word } = data;
  return [spaced(word(places.feature[place])), word(places.admin1[place]), data.countryName(places.country[place])]
    .filter((part, at, all) => part && all.indexOf(part) === at).join(", ");
}

function placeTip(data, place, mentions) {
  const made = make("div", {}, placeTitle(data, place), make("p", {}, whereIs(data, place)));
  if (mentions !== undefined) made.append(make("p", { class: "note" }, plural(mentions, "mention")));
  return made;
}

function mentionTip(data, i) {
  const { mentions, places, word } = data;
  const place = mentions.place[i];
  const [lat, lon] = [places.lat[place], places.lon[place]];
  const kind = word(places.kind[place]);
  const made = make("div", {}, placeTitle(data, place), make("p", {}, whereIs(data, place)), make("dl", {},
    line("at", lat === null ? "" : `${lat}, ${lon}${kind === "point" ? "" : ` (${kind === "centroid" ? "middle of the area" : kind})`}`),
    line("is a place", `${mentions.score[i]} %`),
    line("relation", spaced(word(mentions.relation[i]))),
    line("rule", spaced(word(mentions.rule[i])).replaceAll("+", " + "))));
  const candidates = mentions.candidates[i];
  if (candidates) {
    const list = make("ul", {});
    for (let k = 0; k + 2 < candidates.length; k += 3) {
      list.append(make("li", {}, apart(word(candidates[k])), `, ${data.countryName(candidates[k + 1])}: ${candidates[k + 2]} %`));
    }
    const more = candidates[candidates.length - 1];
    if (more) list.append(make("li", {}, `and ${count(more)} more`));
    made.append(make("p", { class: "tip-sub" }, mentions.ambiguous[i] ? "Not sure which; candidates" : "Candidates"), list);
  }
  return made;
}

function dateSpan(data, i) {
  const [a, b] = [data.from[i], data.to[i]];
  const open = data.word(data.dates.open[i]);
  if (a === UNKNOWN && b === UNKNOWN) return "not countable in days";
  if (b === UNKNOWN) return `from ${dayName(a)}, ${open === "end" ? "open" : "end not known"}`;
  if (a === UNKNOWN) return `until ${dayName(b)}`;
  return a === b ? dayName(a) : `${dayName(a)} to ${dayName(b)}`;
}

function dateTip(data, i) {
  const { dates, word } = data;
  const anchor = dates.anchorDate[i];
  return make("div", {}, make("p", { class: "tip-head" }, dateSpan(data, i)), make("dl", {},
    line("EDTF", word(dates.edtf[i])),
    line("grain", word(dates.grain[i])),
    line("calendar", word(dates.calendar[i])),
    line("part of day", word(dates.part[i])),
    line("counted from", anchor === null ? "" : `${dayName(anchor * DAY)} (${spaced(word(dates.anchor[i]))})`),
    line("confidence", word(dates.confidence[i])),
    line("doubts", spaced(word(dates.flags[i]))),
    line("or", word(dates.alternatives[i])),
    line("rule", spaced(word(dates.rule[i])))));
}
