// The page: reads the data, builds the parts, and tells each what changed.

async function open() {
  if (typeof DecompressionStream === "undefined") throw new Error("this browser is too old to unpack the data; Chrome or Edge 80, Firefox 113, Safari 16.4 or newer can");
  const data = arrange(await unpacked("data"));
  const filters = new Filters(data);
  const times = timesOf(data);
  const all = filters.counts(times);
  all.mentioned = all.within.map((n, i) => n + all.wider[i]);
  const page = { data, filters, times, all };
  page.changed = (...kinds) => change(page, kinds);
  page.panels = new Panels(data, filters, page.changed);
  page.posts = new Posts(data, filters, page.changed);
  page.map = new PlaceMap(data, (place) => page.panels.togglePlace(place));
  page.strips = [
    new Strip("posted", times, (range) => { filters.posted = range; page.changed("posted"); }),
    new Strip("mentioned", times, (range) => { filters.mentioned = range; page.changed("mentioned"); }),
  ];
  about(page);
  if (!times.size) find("time-head").closest("section").hidden = true;
  await Promise.all([page.map.open(), ...(times.size ? page.strips.map((strip) => strip.open()) : [])]);
  controls(page);
  show(page);
  page.map.fit();
  document.documentElement.dataset.ready = "true";
  performance.mark("ready");
  foldAhead(filters);
}

// Make the texts ready for search a few at a time, so that neither the first search nor the page waits.
function foldAhead(filters) {
  if (filters.foldUntil(filters.haystack.length + 200)) setTimeout(foldAhead, 4, filters);
}

function change(page, kinds) {
  const began = performance.now();
  for (const kind of kinds) page.filters.update(kind);
  show(page);
  performance.measure("filter", { start: began, end: performance.now() });
}

function show(page) {
  const { data, filters, times, all } = page;
  const counts = filters.counts(times);
  find("count").replaceChildren(make("strong", {}, count(counts.shown)), ` of ${plural(data.n, "post")}`);
  chips(page);
  page.panels.show(counts, all);
  page.map.show(counts.placeMentions, filters.places);
  if (times.size) {
    page.strips[0].show(all.posted, counts.posted, null, filters.posted);
    page.strips[1].show(all.mentioned, counts.within, counts.wider, filters.mentioned);
    ranges(filters);
    if (find("time-table").open) timeTable(page, counts);
  }
  page.counts = counts;
  page.posts.show();
}

function chips(page) {
  const { data, filters } = page;
  const made = [];
  const chip = (kind, label, drop) => made.push(make("li", {}, make("button", {
    type: "button", onclick: () => { drop(); page.changed(kind); find("search").focus(); },
  }, ...label, make("span", { "aria-hidden": "true" }, " ×"), make("span", { class: "hidden" }, ": remove this filter"))));
  const span = (range) => (range[1] - range[0] <= DAY ? dayName(range[0])
    : `${Number.isFinite(range[0]) ? dayName(range[0]) : "…"} – ${Number.isFinite(range[1]) ? dayName(range[1] - 1) : "…"}`);
  for (const place of filters.places) chip("place", page.panels.placeLabel(place), () => filters.places.delete(place));
  for (const source of filters.sources) chip("source", [apart(data.sources[source].name)], () => filters.sources.delete(source));
  for (const language of filters.languages) chip("language", [languageName(data.languages[language])], () => filters.languages.delete(language));
  if (filters.posted) chip("posted", [`posted ${span(filters.posted)}`], () => { filters.posted = null; });
  if (filters.mentioned) chip("mentioned", [`mentions ${span(filters.mentioned)}`], () => { filters.mentioned = null; });
  if (filters.search) chip("search", ["“", apart(filters.search), "”"], () => { filters.search = ""; find("search").value = ""; });
  find("chips").replaceChildren(...made);
  find("clear").hidden = !filters.active;
}

function ranges(filters) {
  for (const name of ["posted", "mentioned"]) {
    const range = filters[name];
    const set = (id, time) => { if (document.activeElement !== find(id)) find(id).value = time === null ? "" : iso(time); };
    set(`${name}-from`, range && Number.isFinite(range[0]) ? range[0] : null);
    set(`${name}-to`, range && Number.isFinite(range[1]) ? range[1] - DAY : null);
  }
}

function about(page) {
  const { data, times } = page;
  const { facts } = data;
  const known = data.time.filter((time) => time !== UNKNOWN);
  const ends = known.length ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : null;
  find("about").textContent = [
    facts.total === data.n ? plural(data.n, "post") : `${count(data.n)} of ${plural(facts.total, "post")}`,
    plural(data.sources.length, "source"), ends ? `${dayName(ends[0])} – ${dayName(ends[1])}` : "",
    plural(data.mentions.post.length, "mention of a place", "mentions of places"),
    plural(data.dates.post.length, "mention of a date", "mentions of dates"),
  ].filter(Boolean).join(" · ");
  if (facts.total > data.n) {
    find("notice").hidden = false;
    find("notice").textContent = `This page shows a sample of ${count(data.n)} of the dataset’s ${count(facts.total)} posts, the same sample each time. All counts here are counts of the sample.`;
  }
  find("map-note").textContent = data.placeCount ? "" : "No post names a place.";
  find("posted-unit").textContent = `each ${times.unit.name}`;
  find("mentioned-unit").replaceChildren(`each ${times.unit.name}: `, make("span", { class: "key bar" }), ` within one ${times.unit.name} `, make("span", { class: "key wide" }), " part of a longer time");
  const unknown = data.n - known.length;
  find("posted-note").textContent = unknown ? `${plural(unknown, "post")} without a known time` : "";
  find("mentioned-note").textContent = [times.before ? `${count(times.before)} earlier` : "", times.after ? `${count(times.after)} later` : ""].filter(Boolean).join(", ")
    .replace(/$/, times.before + times.after ? " than drawn" : "");
  find("foot").append(
    make("p", {}, `Version ${facts.version} of the dataset, published ${facts.created}; made by ${facts.program}. This page asks nothing of the network.`),
    make("p", {}, "Texts are as exported. Places and dates were read by rules and are not all right: a score says how sure it is that words name a place, and where several places are possible they are listed. A month stays a month; open periods stand at their known end. Times of posts are those of their source’s zone; filters and charts use UTC. Outlines: Natural Earth (public domain), simplified; borders are as drawn there."));
}

function timeTable(page, counts) {
  const { edges, size, unit } = page.times;
  const rows = [];
  for (let i = 0; i < size; i += 1) {
    if (!counts.posted[i] && !counts.within[i] && !counts.wider[i]) continue;
    rows.push(make("tr", {}, make("th", { scope: "row" }, dayName(edges[i])), ...[counts.posted[i], counts.within[i], counts.wider[i]].map((n) => make("td", {}, count(n)))));
  }
  const head = make("tr", {}, ...[`${unit.name} from`, "posts", `dates within it`, "longer times over it"].map((name) => make("th", { scope: "col" }, name)));
  find("time-table").querySelector(".scroll").replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function controls(page) {
  const { filters, changed } = page;
  let waiting = 0;
  find("search").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { filters.search = event.target.value.trim(); changed("search"); }, 120);
  });
  find("save").addEventListener("click", () => save(page.data, page.posts.found));
  find("clear").addEventListener("click", () => {
    for (const set of [filters.sources, filters.languages, filters.places]) set.clear();
    Object.assign(filters, { posted: null, mentioned: null, search: "", allPlaces: false });
    find("search").value = "";
    changed(...Object.keys(BITS));
    find("search").focus();
  });
  for (const name of ["posted", "mentioned"]) {
    for (const end of ["from", "to"]) {
      find(`${name}-${end}`).addEventListener("change", () => {
        const [from, to] = [dayOf(find(`${name}-from`).value), dayOf(find(`${name}-to`).value)];
        filters[name] = from === null && to === null ? null : [from ?? -Infinity, to === null ? Infinity : to + DAY];
        changed(name);
      });
    }
  }
  find("time-table").addEventListener("toggle", () => { if (find("time-table").open) timeTable(page, page.counts); });
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.addEventListener("click", () => {
      document.documentElement.dataset.theme = button.dataset.themeChoice;
      for (const other of document.querySelectorAll("[data-theme-choice]")) other.setAttribute("aria-pressed", String(other === button));
      repaint(page);
    });
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint(page));
  window.addEventListener("beforeprint", () => { document.documentElement.dataset.print = "true"; repaint(page); });
  window.addEventListener("afterprint", () => { delete document.documentElement.dataset.print; repaint(page); });
  window.addEventListener("keydown", (event) => { if (event.key === "Escape") tips.hide(); });
  window.addEventListener("scroll", () => tips.follow(), { passive: true, capture: true });
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    page.map.resize();
    if (page.times.size) for (const strip of page.strips) strip.resize();
  });
}

function repaint(page) {
  page.map.paint();
  page.map.view.run();
  if (page.times.size) for (const strip of page.strips) { strip.paint(); strip.view.run(); }
}

open().catch((problem) => {
  find("count").textContent = "";
  find("notice").hidden = false;
  find("notice").textContent = `The report could not be shown: ${problem.message}`;
  console.error(problem);
});
