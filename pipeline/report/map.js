// The map: outlines and dots drawn by Vega; moving, zooming and pointing are ours.

const colorSignals = (names) => names.map((name) => ({ name, value: "gray" }));

const LABEL_FONT = "system-ui, sans-serif";
const MAP_COLORS = ["land", "line", "border", "ink", "soft", "dot", "ring", "chosen", "paper"];

const mapSpec = (outlines, width, height) => ({
  width, height, padding: 0, autosize: "none", aria: false,
  signals: [{ name: "k", value: 1000 }, { name: "tx", value: 0 }, { name: "ty", value: 0 }, { name: "some", value: false }, ...colorSignals(MAP_COLORS)],
  projections: [{ name: "flat", type: "mercator", scale: { signal: "k" }, center: [0, 0],
    translate: [{ signal: "tx" }, { signal: "ty" }], clipExtent: { signal: "[[-50, -50], [width + 50, height + 50]]" } }],
  data: [
    { name: "land", values: outlines.land },
    { name: "borders", values: [{ type: "Feature", geometry: outlines.borders }] },
    { name: "countries", source: "land", transform: [
      { type: "formula", as: "area", expr: "geoArea('flat', datum)" },
      { type: "filter", expr: "datum.area > 9000" },
      { type: "formula", as: "at", expr: "geoCentroid('flat', datum)" }] },
    { name: "dots", values: [], transform: [{ type: "geopoint", projection: "flat", fields: ["lon", "lat"], as: ["x", "y"] }] },
    { name: "labels", values: [] },
  ],
  marks: [
    { type: "shape", from: { data: "land" }, interactive: false,
      encode: { update: { fill: { signal: "land" }, stroke: { signal: "border" }, strokeWidth: { value: 1 } } },
      transform: [{ type: "geoshape", projection: "flat" }] },
    { type: "shape", from: { data: "borders" }, interactive: false,
      encode: { update: { stroke: { signal: "line" }, strokeWidth: { value: 0.8 }, strokeDash: { value: [3, 2] } } },
      transform: [{ type: "geoshape", projection: "flat" }] },
    { type: "text", from: { data: "countries" }, interactive: false,
      encode: { update: { x: { signal: "datum.at[0]" }, y: { signal: "datum.at[1] - 18" }, text: { signal: "upper(datum.properties.name)" },
        align: { value: "center" }, baseline: { value: "middle" }, fontSize: { value: 11 }, font: { value: "system-ui, sans-serif" },
        fill: { signal: "soft" } } } },
    { type: "symbol", name: "marks", from: { data: "dots" },
      encode: { update: { x: { field: "x" }, y: { field: "y" }, size: { field: "size" },
        fill: [{ test: "datum.area", value: "transparent" }, { test: "datum.on", signal: "chosen" }, { signal: "dot" }],
        fillOpacity: { value: 0.72 }, opacity: { signal: "some && !datum.on ? 0.4 : 1" },
        stroke: [{ test: "datum.on", signal: "chosen" }, { test: "datum.area", signal: "ring" }, { signal: "paper" }],
        strokeWidth: [{ test: "datum.area || datum.on", value: 2 }, { value: 0.8 }] } } },
    ...["halo", "name"].map((part) => ({
      type: "text", from: { data: "labels" }, interactive: false,
      encode: { update: { x: { field: "x" }, y: { field: "y" }, text: { field: "text" }, align: { field: "align" }, baseline: { value: "middle" },
        fontSize: { value: 12 }, font: { value: LABEL_FONT }, fontWeight: { signal: "datum.on ? 700 : 500" },
        ...(part === "halo" ? { stroke: { signal: "land" }, strokeWidth: { value: 3 }, strokeJoin: { value: "round" }, fill: { signal: "land" } }
          : { fill: { signal: "ink" } }) } } })),
  ],
});

const embed = (element, spec) => vegaEmbed(element, spec, {
  mode: "vega", ast: true, renderer: "canvas", actions: false, tooltip: false, hover: false, defaultStyle: false, logLevel: 1,
  scaleFactor: Math.max(2, window.devicePixelRatio || 1),
}).then((made) => made.view);

function colors(names) {
  const style = getComputedStyle(document.documentElement);
  return names.map((name) => [name, style.getPropertyValue(`--map-${name}`).trim() || "gray"]);
}

const northing = (lat) => Math.log(Math.tan(Math.PI / 4 + (lat * Math.PI) / 360));
const RADIAN = Math.PI / 180;
const LABELS = 24;

class PlaceMap {
  constructor(data, toggle) {
    this.data = data;
    this.toggle = toggle;
    this.box = find("map");
    this.dots = [];
    this.at = { k: 3000, lon: 38.5, lat: 35 };
  }

  async open() {
    this.size();
    this.view = await embed(this.box, mapSpec(this.data.outlines, this.width, this.height));
    this.box.querySelector(".vega-embed, canvas")?.closest("#map > *")?.setAttribute("aria-hidden", "true");
    this.paint();
    this.listen();
  }

  size() {
    this.width = Math.max(200, this.box.clientWidth);
    this.height = Math.max(200, this.box.clientHeight);
  }

  paint() {
    for (const [name, value] of colors(MAP_COLORS)) this.view.signal(name, value);
  }

  // Dots for places with mentions; the most named ones get labels.
  show(mentions, chosen) {
    const { places, word } = this.data;
    const found = [];
    let most = 1;
    for (let i = 0; i < mentions.length; i += 1) {
      if (places.lat[i] === null || !(mentions[i] || chosen.has(i))) continue;
      most = Math.max(most, mentions[i]);
      found.push({ i, lon: places.lon[i], lat: places.lat[i], n: mentions[i], on: chosen.has(i), area: word(places.kind[i]) === "centroid" });
    }
    found.sort((a, b) => b.on - a.on || b.n - a.n || a.i - b.i);
    found.forEach((dot) => {
      dot.size = 18 + (1000 * dot.n) / Math.max(most, 10);
    });
    this.dots = found;
    const drawn = [...found].sort((a, b) => a.on - b.on || b.n - a.n || a.i - b.i); // small ones and chosen ones over the others
    this.view.signal("some", chosen.size > 0).data("dots", drawn);
    if (this.tx !== undefined) this.view.data("labels", this.labels()).run(); // else `fit` follows
  }

  // Names for the foremost dots of this view, where they cover neither each other nor a larger dot.
  labels() {
    const ink = this.ink || (this.ink = make("canvas").getContext("2d"));
    const seen = this.dots.map((dot) => [dot, ...this.position(dot)])
      .filter(([, x, y]) => x > 0 && y > 0 && x < this.width && y < this.height);
    const taken = seen.slice(0, LABELS).map(([dot, x, y]) => [dot, x, y, Math.sqrt(dot.size / Math.PI)])
      .map(([dot, x, y, r]) => ({ dot, x1: x - r, x2: x + r, y1: y - r, y2: y + r }));
    const made = [];
    for (const [rank, [dot, x, y]] of seen.entries()) {
      if (rank >= LABELS && !dot.on) continue;
      const text = this.data.word(this.data.places.name[dot.i]);
      ink.font = `${dot.on ? 700 : 500} 12px ${LABEL_FONT}`;
      const wide = ink.measureText(text).width;
      const away = Math.sqrt(dot.size / Math.PI) + 4;
      for (const [align, shift, up] of [["left", away, 0], ["right", -away, 0], ["center", 0, -away - 6], ["center", 0, away + 6]]) {
        const left = x + shift - { left: 0, right: wide, center: wide / 2 }[align];
        const box = { x1: left, x2: left + wide, y1: y + up - 7, y2: y + up + 7 };
        const free = box.x1 > 2 && box.x2 < this.width - 54 && box.y1 > 2 && box.y2 < this.height - 2
          && (dot.on || taken.every((other) => other.dot === dot || other.x1 > box.x2 || other.x2 < box.x1 || other.y1 > box.y2 || other.y2 < box.y1));
        if (free) {
          taken.push(box);
          made.push({ text, x: x + shift, y: y + up, align, on: dot.on });
          break;
        }
      }
    }
    return made;
  }

  // The frame that holds nearly all mentions.
  fit() {
    const some = this.dots.filter((dot) => !dot.area);
    const dots = some.length ? some : this.dots;
    if (dots.length) {
      const [west, east] = spread(dots, "lon");
      const [south, north] = spread(dots, "lat");
      const [top, bottom] = [northing(north), northing(south)];
      const wide = Math.max((east - west) * RADIAN, 0.008);
      const high = Math.max(top - bottom, 0.008);
      this.at.k = Math.min(this.width / wide, this.height / high, 60000) * 0.82;
      this.at.lon = (west + east) / 2;
      this.at.lat = (2 * Math.atan(Math.exp((top + bottom) / 2)) - Math.PI / 2) / RADIAN;
    }
    this.move();
  }

  move() {
    const { at } = this;
    at.k = Math.min(300000, Math.max(120, at.k));
    this.tx = this.width / 2 - at.k * at.lon * RADIAN;
    this.ty = this.height / 2 + at.k * northing(at.lat);
    this.view.signal("k", at.k).signal("tx", this.tx).signal("ty", this.ty).data("labels", this.labels()).run();
  }

  // Shift what is seen by pixels.
  shift(x, y) {
    const { at } = this;
    at.lon = Math.max(-180, Math.min(180, at.lon - x / (at.k * RADIAN)));
    const high = Math.max(-2.9, Math.min(2.9, northing(at.lat) + y / at.k));
    at.lat = (2 * Math.atan(Math.exp(high)) - Math.PI / 2) / RADIAN;
    this.move();
  }

  // Zoom and keep what is under the point (x, y) there.
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const before = this.at.k;
    const after = Math.min(300000, Math.max(120, before * factor));
    const real = after / before;
    this.at.k = after;
    this.shift(-(x - this.width / 2) * (real - 1), -(y - this.height / 2) * (real - 1));
  }

  position(dot) {
    return [this.tx + this.at.k * dot.lon * RADIAN, this.ty - this.at.k * northing(dot.lat)];
  }

  // The smallest dot at a point, with a few pixels' grace for fingers.
  under(x, y) {
    let best = null;
    for (const dot of this.dots) {
      const [px, py] = this.position(dot);
      const radius = Math.sqrt(dot.size / Math.PI) + 4;
      const distance = Math.hypot(px - x, py - y);
      if (distance <= radius && (!best || dot.size < best.size)) best = dot;
    }
    return best;
  }

  resize() {
    this.size();
    this.view.width(this.width).height(this.height);
    this.move();
  }

  listen() {
    const { box } = this;
    let from = null;
    let moved = 0;
    const spot = (event) => {
      const frame = box.getBoundingClientRect();
      return [event.clientX - frame.left, event.clientY - frame.top];
    };
    box.addEventListener("pointerdown", (event) => { from = spot(event); moved = 0; });
    box.addEventListener("pointermove", (event) => {
      const now = spot(event);
      if (from && event.buttons) {
        moved += Math.abs(now[0] - from[0]) + Math.abs(now[1] - from[1]);
        if (moved > 4) {
          if (!box.hasPointerCapture(event.pointerId)) box.setPointerCapture(event.pointerId);
          tips.hide();
          this.shift(now[0] - from[0], now[1] - from[1]);
          from = now;
        }
        return;
      }
      const dot = this.under(...now);
      box.style.cursor = dot ? "pointer" : "grab";
      if (dot) tips.at(event.clientX, event.clientY, placeTip(this.data, dot.i, dot.n));
      else tips.hide();
    });
    box.addEventListener("pointerleave", () => tips.hide());
    box.addEventListener("pointerup", (event) => {
      if (from && moved <= 4) {
        const dot = this.under(...spot(event));
        if (dot) this.toggle(dot.i);
      }
      from = null;
    });
    box.addEventListener("dblclick", (event) => { if (!this.under(...spot(event))) this.zoom(2, ...spot(event)); });
    box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 200), ...spot(event));
    }, { passive: false });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
      if (step) this.shift(...step);
      else if (event.key === "+" || event.key === "=") this.zoom(1.5);
      else if (event.key === "-") this.zoom(1 / 1.5);
      else if (event.key === "0") this.fit();
      else return;
      event.preventDefault();
    });
    find("zoom-in").addEventListener("click", () => this.zoom(1.6));
    find("zoom-out").addEventListener("click", () => this.zoom(1 / 1.6));
    find("zoom-fit").addEventListener("click", () => this.fit());
  }
}

// The range that holds all but the outermost twentieth of mentions at each end.
function spread(dots, key) {
  const sorted = [...dots].sort((a, b) => a[key] - b[key]);
  const total = sorted.reduce((sum, dot) => sum + dot.n, 0);
  let seen = 0;
  let low = null;
  let high = sorted[0][key];
  for (const dot of sorted) {
    seen += dot.n;
    if (low === null && seen >= total * 0.04) low = dot[key];
    if (seen - dot.n <= total * 0.96) high = dot[key];
  }
  return [low ?? sorted[0][key], high];
}
