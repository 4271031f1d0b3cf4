// Time: posts and the dates that they mention, in bins of one width, over one range of days.

const UNITS = [
  { name: "day", next: (day) => day.setUTCDate(day.getUTCDate() + 1), floor: () => {} },
  { name: "week", next: (day) => day.setUTCDate(day.getUTCDate() + 7), floor: (day) => day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7)) },
  { name: "month", next: (day) => day.setUTCMonth(day.getUTCMonth() + 1), floor: (day) => day.setUTCDate(1) },
  { name: "quarter", next: (day) => day.setUTCMonth(day.getUTCMonth() + 3), floor: (day) => day.setUTCMonth(day.getUTCMonth() - (day.getUTCMonth() % 3), 1) },
  { name: "year", next: (day) => day.setUTCFullYear(day.getUTCFullYear() + 1), floor: (day) => day.setUTCMonth(0, 1) },
  { name: "ten years", next: (day) => day.setUTCFullYear(day.getUTCFullYear() + 10), floor: (day) => day.setUTCFullYear(day.getUTCFullYear() - (day.getUTCFullYear() % 10), 0, 1) },
];
const MOST_BINS = 132;

// The bins, and in which of them each post and mention lies.
function timesOf(data) {
  const known = (values) => Float64Array.from(values).filter((time) => time !== UNKNOWN).sort();
  const [posted, first, last] = [known(data.time), known(data.first), known(data.last)];
  const none = { size: 0, edges: [], unit: UNITS[0], bin: new Int32Array(data.n).fill(-1), firstBin: [], lastBin: [], fits: [], before: 0, after: 0 };
  if (!posted.length && !first.length) return none;
  let low = first.length ? first[Math.floor(first.length * 0.02)] : Infinity;
  let high = last.length ? last[Math.ceil(last.length * 0.98) - 1] : -Infinity;
  if (posted.length) { // dates far from any post do not stretch the axis
    const [start, end] = [posted[0], posted[posted.length - 1]];
    const reach = Math.max(2 * (end - start), 365 * DAY);
    low = Math.min(start, Math.max(low, start - reach));
    high = Math.max(end, Math.min(high, end + reach));
  }
  let edges = [];
  let unit = UNITS[0];
  for (unit of UNITS) {
    edges = edgesOf(unit, low, high);
    if (edges.length <= MOST_BINS + 1) break;
  }
  const size = edges.length - 1;
  const binOf = (time) => {
    let [a, b] = [0, size];
    while (a < b) {
      const middle = (a + b) >> 1;
      if (edges[middle + 1] <= time) a = middle + 1;
      else b = middle;
    }
    return a;
  };
  const made = { ...none, size, edges, unit, firstBin: new Int32Array(data.first.length), lastBin: new Int32Array(data.first.length), fits: new Uint8Array(data.first.length) };
  for (let post = 0; post < data.n; post += 1) if (data.time[post] !== UNKNOWN) made.bin[post] = binOf(data.time[post]);
  for (let i = 0; i < data.first.length; i += 1) {
    const [a, b] = [data.first[i], data.last[i]];
    if (a === UNKNOWN || b < edges[0] || a >= edges[size]) {
      if (a !== UNKNOWN && b < edges[0]) made.before += 1;
      else if (a !== UNKNOWN) made.after += 1;
      made.firstBin[i] = 1;
      continue; // in no bin: the last stays 0
    }
    made.firstBin[i] = binOf(Math.max(a, edges[0]));
    made.lastBin[i] = binOf(Math.min(b, edges[size] - 1));
    made.fits[i] = a >= edges[0] && b < edges[size] ? 1 : 0;
  }
  return made;
}

function edgesOf(unit, low, high) {
  const day = new Date(low);
  day.setUTCHours(0, 0, 0, 0);
  unit.floor(day);
  const edges = [day.getTime()];
  while (edges[edges.length - 1] <= high && edges.length < 3000) {
    unit.next(day);
    edges.push(day.getTime());
  }
  return edges;
}

const STRIP_COLORS = ["ink", "soft", "grid", "ghost", "bar", "wide"];
const PAD = { left: 38, right: 10, top: 6, bottom: 20 };

const stripSpec = (width, height) => ({
  width, height, padding: PAD, autosize: "none", aria: false,
  signals: [{ name: "low", value: 0 }, { name: "high", value: 1 }, { name: "most", value: 1 }, ...colorSignals(STRIP_COLORS)],
  data: [{ name: "bins", values: [] }],
  scales: [
    { name: "x", type: "utc", domain: [{ signal: "low" }, { signal: "high" }], range: "width" },
    { name: "y", type: "linear", domain: [0, { signal: "most" }], range: "height", nice: 3 },
  ],
  axes: [
    { orient: "left", scale: "y", tickCount: 3, grid: true, domain: false, ticks: false, labelPadding: 6, format: ",d", tickMinStep: 1,
      labelColor: { signal: "soft" }, gridColor: { signal: "grid" }, labelFontSize: 11, labelFont: "system-ui, sans-serif" },
    { orient: "bottom", scale: "x", tickCount: { signal: "max(2, floor(width / 90))" }, domain: false, tickColor: { signal: "grid" },
      labelColor: { signal: "soft" }, labelFontSize: 11, labelFont: "system-ui, sans-serif", labelOverlap: true },
  ],
  marks: ["ghost", "wide", "bar"].map((part) => ({
    type: "rect", from: { data: "bins" },
    encode: { update: {
      x: { scale: "x", field: "t0", offset: 0.5 }, x2: { scale: "x", field: "t1", offset: { signal: "scale('x', datum.t1) - scale('x', datum.t0) > 4 ? -0.5 : 0" } },
      y: { scale: "y", signal: { ghost: "datum.all", wide: "datum.n + datum.wider", bar: "datum.n" }[part] },
      y2: { scale: "y", value: 0 }, fill: { signal: part } } },
  })),
});

// One strip of bars with a brush over it.
class Strip {
  constructor(name, times, choose) {
    this.name = name;
    this.times = times;
    this.choose = choose;
    this.box = find(`${name}-chart`);
  }

  async open() {
    this.view = await embed(this.box, stripSpec(this.inner(), this.box.clientHeight - PAD.top - PAD.bottom));
    this.brush = make("div", { class: "brush", hidden: true });
    this.box.append(this.brush);
    const { edges, size } = this.times;
    this.view.signal("low", edges[0]).signal("high", edges[size]);
    this.paint();
    this.listen();
  }

  inner() {
    return Math.max(120, this.box.clientWidth - PAD.left - PAD.right);
  }

  paint() {
    for (const [name, value] of colors(STRIP_COLORS)) this.view.signal(name, value);
  }

  // All posts stand behind what is filtered, unless that is so little that its own shape would not be seen.
  show(all, n, wider, range) {
    const { edges, size } = this.times;
    const bins = [];
    let [most, own] = [1, 1];
    for (let i = 0; i < size; i += 1) {
      bins.push({ t0: edges[i], t1: edges[i + 1], all: all[i], n: n[i], wider: wider ? wider[i] : 0 });
      most = Math.max(most, all[i]);
      own = Math.max(own, n[i] + (wider ? wider[i] : 0));
    }
    if (own < most / 3) {
      most = own;
      for (const bin of bins) bin.all = 0;
    }
    this.view.data("bins", bins).signal("most", most).run();
    this.range = range;
    this.draw(range);
  }

  draw(range) {
    this.brush.hidden = !range;
    if (!range) return;
    const [a, b] = range.map((time) => Math.max(0, Math.min(this.inner(), this.x(time))));
    this.brush.style.left = `${PAD.left + a}px`;
    this.brush.style.width = `${Math.max(2, b - a)}px`;
  }

  x(time) {
    const { edges, size } = this.times;
    return ((time - edges[0]) / (edges[size] - edges[0])) * this.inner();
  }

  // The bin at a place on the page.
  bin(event) {
    const { edges, size } = this.times;
    const share = (event.clientX - this.box.getBoundingClientRect().left - PAD.left) / this.inner();
    const time = edges[0] + Math.max(0, Math.min(0.999999, share)) * (edges[size] - edges[0]);
    return Math.max(0, edges.findIndex((edge) => edge > time) - 1);
  }

  resize() {
    this.view.width(this.inner()).run();
    this.draw(this.range);
  }

  listen() {
    const { edges } = this.times;
    let from = null;
    const range = (event) => {
      const bins = [from, this.bin(event)].sort((a, b) => a - b);
      return [edges[bins[0]], edges[bins[1] + 1]];
    };
    this.box.addEventListener("pointerdown", (event) => {
      from = this.bin(event);
      this.box.setPointerCapture(event.pointerId);
      event.preventDefault();
    });
    this.box.addEventListener("pointermove", (event) => { if (from !== null) this.draw(range(event)); });
    this.box.addEventListener("pointercancel", () => { from = null; this.draw(this.range); });
    this.box.addEventListener("pointerup", (event) => {
      if (from === null) return;
      const chosen = range(event);
      from = null;
      const same = this.range && this.range[0] === chosen[0] && this.range[1] === chosen[1];
      this.choose(same ? null : chosen);
    });
  }
}
