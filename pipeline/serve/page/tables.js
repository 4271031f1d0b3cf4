// The views: each shows what the server told, and knows nothing of how it came.

import { apart, byId, count, fill, make, plural, raw, reach, say, span, timeCell, written } from "./dom.js";

const LEVELS = {
  published: "well", unchanged: "well", running: "busy", waiting: "busy",
  failed: "bad", killed: "bad", interrupted: "bad", never: "idle",
};

const NEXT = {
  failed: "Nothing was published; the rows before stay. Mend the cause, then press Run.",
  killed: "Its process ended before the run did. Nothing half done is visible; press Run.",
  interrupted: "It was stopped. Nothing half done is visible; press Run.",
};

const stateOf = (view) => {
  if (view.running) return "running";
  if (view.asked && ["waiting", "running"].includes(view.asked.state)) return view.asked.state;
  return view.now.state;
};

export const isBusy = (view) => ["running", "waiting"].includes(stateOf(view));

export function badge(state, level) {
  return make("span", { className: "state", "data-level": level ?? LEVELS[state] ?? "idle" }, state);
}

export class Sources {
  constructor(act) {
    this.act = act;
    this.rows = new Map();
    this.table = byId("sources");
  }

  show(state, now) {
    const names = state.sources.map((view) => view.now.source);
    for (const [name, row] of this.rows) {
      if (!names.includes(name)) {
        row.body.remove();
        this.rows.delete(name);
      }
    }
    for (const view of state.sources) {
      const name = view.now.source;
      if (!this.rows.has(name)) this.rows.set(name, this.#row(view));
      this.#fill(this.rows.get(name), view, state, now);
    }
    const posts = state.sources.reduce((sum, view) => sum + view.now.posts, 0);
    const refused = state.sources.reduce((sum, view) => sum + view.now.rejected, 0);
    const counts = [[names.length, "source"], [posts, "post"], [refused, "rejected row"]];
    say(byId("sums"), counts.map(([number, word]) => plural(number, word)).join(", "));
  }

  #row(view) {
    const name = view.now.source;
    const button = (word, action) => make("button", {
      textContent: word, ariaLabel: `${word} ${name}`, onclick: (event) => {
        if (event.currentTarget.ariaDisabled !== "true") this.act(action, this.rows.get(name).view);
      },
    });
    const buttons = {
      run: button("Run", "run"), rerun: button("Rerun…", "rerun"), replay: button("Replay", "replay"),
      pause: button("Pause…", "pause"), stop: button("Stop", "stop"),
    };
    const cells = Object.fromEntries(["state", "last", "next", "posts", "rejected", "expects"].map((key) =>
      [key, make("td", { className: ["posts", "rejected"].includes(key) ? "number" : "" })]));
    const about = [view.reader, view.now.zone].filter(Boolean).join(", ");
    const head = make("th", { scope: "row" }, make("bdi", {}, name), make("small", { title: view.files.join("\n") }, about));
    const detail = make("td", { colSpan: 8 });
    const body = make("tbody", { id: `source-${name}` },
      make("tr", {}, head, ...Object.values(cells), make("td", { className: "do" }, ...Object.values(buttons))),
      make("tr", { className: "detail", hidden: true }, detail));
    this.table.append(body);
    return { body, cells, buttons, detail, progress: null, view };
  }

  #fill(row, view, state, now) {
    row.view = view;
    const { cells, buttons } = row;
    const at = stateOf(view);
    const told = view.now.configured ? at : "not configured";
    const isShort = view.expects.some((one) => one.is_met === false) || view.now.incomplete.length > 0;
    const level = !view.now.configured || (isShort && LEVELS[at] === "well") ? "warning" : undefined;
    fill(cells.state, `${told} ${level}`, () => [badge(told, level)]);
    const last = view.recent.find((record) => record.seconds !== null);
    timeCell(cells.last, view.now.last_run, now, "never");
    if (view.now.last_run && last) cells.last.title = `took ${span(last.seconds)}`;
    this.#next(cells.next, view, state, now);
    say(cells.posts, count(view.now.posts));
    fill(cells.rejected, String(view.now.rejected), () => [view.now.rejected
      ? make("a", { href: `#rejected/${view.now.source}`, ariaLabel: `${plural(view.now.rejected, "rejected row")} of ${view.now.source}` }, count(view.now.rejected))
      : "0"]);
    fill(cells.expects, JSON.stringify(view.expects), () => [make("ul", { className: "expects" }, ...view.expects.map((one) => {
      const met = one.is_met === null ? ["open", "not known yet: "] : one.is_met ? ["met", "met: "] : ["unmet", "not met: "];
      return make("li", { className: met[0], title: met[1] + one.told }, one.told);
    }))]);
    const busy = isBusy(view);
    const isOurs = busy && view.asked !== null && ["waiting", "running"].includes(view.asked.state);
    for (const key of ["run", "rerun", "replay", "pause"]) buttons[key].hidden = !view.now.configured;
    for (const key of ["run", "rerun", "replay"]) this.#able(buttons[key], !busy);
    this.#able(buttons.replay, !busy && view.now.rejected > 0);
    if (!isOurs && document.activeElement === buttons.stop) buttons.run.focus();
    buttons.stop.hidden = !isOurs;
    const word = view.now.paused ? "Resume" : "Pause…";
    say(buttons.pause, word);
    buttons.pause.ariaLabel = `${word} ${view.now.source}`;
    this.#detail(row, view, at, now);
  }

  #able(button, can) {
    button.ariaDisabled = can ? null : "true";
  }

  #next(cell, view, state, now) {
    if (view.now.paused) {
      const why = view.now.paused.why ? `: ${view.now.paused.why}` : "";
      const since = `since ${written(view.now.paused.since)}${view.now.paused.by ? ` by ${view.now.paused.by}` : ""}${why}`;
      fill(cell, `paused ${since}`, () => [badge("paused", "warning"), make("small", { dir: "auto" }, since)]);
    } else if (!view.now.schedule) {
      fill(cell, "none", () => [make("span", { className: "quiet" }, "by hand only")]);
    } else if (!state.scheduler) {
      fill(cell, "no scheduler", () => [make("span", { className: "quiet" }, "no scheduler runs"), make("small", {}, view.now.schedule)]);
    } else {
      timeCell(cell, view.now.next_run, now);
      cell.title = `schedule: ${view.now.schedule}`;
    }
  }

  #detail(row, view, at, now) {
    const parts = [];
    if (view.running) parts.push(this.#progress(row, view, now));
    else if (at === "waiting") parts.push(make("p", {}, `${view.asked.command}: waits for the runs before it`));
    else if (at === "running") parts.push(make("p", {}, `${view.asked?.command ?? "a run"}: is starting`));
    else parts.push(...this.#messages(view, at));
    row.detail.parentElement.hidden = parts.length === 0;
    if (view.running) {
      if (!row.detail.contains(parts[0])) row.detail.replaceChildren(...parts);
      row.detail.dataset.key = "";
    } else {
      row.progress = null;
      fill(row.detail, parts.map((part) => part.textContent).join("|") || "none", () => parts);
    }
  }

  #progress(row, view, now) {
    const at = view.running;
    row.progress ??= make("div", {}, make("progress", { max: 100, ariaLabel: `progress of ${at.source}` }), make("span", {}));
    const [bar, text] = row.progress.children;
    const byRows = view.rows_ahead ? Math.min(0.99, at.rows / view.rows_ahead) : 0;
    const share = Math.max(at.size ? at.size_done / at.size : 0, byRows);
    const seconds = Math.max(0.001, (new Date(at.at) - new Date(at.started)) / 1000);
    const isRead = at.files_done === at.files;
    if (at.rows && (isRead || share)) bar.value = isRead ? 100 : Math.max(1, share * 100);
    else bar.removeAttribute("value");
    const told = [`${at.kind} by ${view.by}`, `${at.files_done} of ${plural(at.files, "file")}`, `${plural(at.rows, "row")} read`];
    if (at.rows) told.push(`${count(Math.round(at.rows / seconds))} rows/s`);
    if (!at.rows) told.push("opening the gazetteer and the files");
    else if (isRead) told.push("all read, being written and published");
    else if (share > 0.02) told.push(`about ${span(seconds / share - seconds)} left`);
    const silent = (now - new Date(at.at)) / 1000;
    if (silent > 60) told.push(`no news for ${span(silent)}`);
    say(text, told.join(" · "));
    return row.progress;
  }

  #messages(view, at) {
    const told = [];
    const asked = view.asked;
    const isLast = asked && ["failed", "locked", "stopped"].includes(asked.state);
    if (isLast && asked.state === "locked") {
      told.push(make("p", { className: "problem" }, `${asked.command}: locked. ${asked.told.join("\n").replace(/^marsad: /, "")}`));
      told.push(make("p", { className: "quiet" }, "Somebody else writes the dataset. Try again when that run has ended."));
      return told;
    }
    const error = view.now.error ?? (isLast ? asked.told.join("\n") : null);
    if (["failed", "killed", "interrupted"].includes(at) || isLast) {
      if (error) told.push(make("p", { className: "problem" }, error));
      const next = NEXT[at] ?? `${asked.command}: ${asked.state}, exit code ${asked.exit_code ?? "none"}.`;
      const forced = (error ?? "").includes("--force") ? " To publish it all the same: Rerun…, with the box there." : "";
      told.push(make("p", { className: "quiet" }, next + forced));
    } else if (asked && asked.state === "done" && asked.told.length) {
      told.push(...asked.told.filter((line) => !view.now.incomplete.some((gap) => line.endsWith(gap)))
        .map((line) => make("p", { className: "quiet", dir: "auto" }, line)));
    }
    for (const gap of view.now.incomplete) told.push(make("p", { className: "quiet", dir: "auto" }, gap));
    if (!view.now.configured) told.push(make("p", { className: "quiet" }, "The dataset holds it, the configuration does not: its rows stay, nothing runs it."));
    return told;
  }
}

export function showHistory(records, now) {
  byId("history-none").hidden = records.length > 0;
  byId("history-rows").replaceChildren(...records.map((one) => {
    const started = make("td", {}, make("time", { dateTime: one.started, title: apart(one.started, now) }, written(one.started)));
    const told = [one.error, ...one.notes].filter(Boolean);
    const books = one.books;
    return make("tr", {}, started,
      make("th", { scope: "row" }, make("bdi", {}, one.source)),
      make("td", {}, one.kind),
      make("td", {}, badge(one.state, one.exit_code === 3 ? "warning" : undefined), one.exit_code ? make("small", {}, `exit code ${one.exit_code}`) : null),
      make("td", { className: "number" }, one.seconds === null ? "" : span(one.seconds)),
      ...[books.read, books.written, books.duplicate, books.rejected, one.posts].map((number) =>
        make("td", { className: "number" }, count(number))),
      make("td", { className: "number" }, one.version === null ? "" : String(one.version)),
      make("td", { className: "what" }, ...told.map((line) => make("small", { dir: "auto", className: one.error === line ? "problem" : "" }, line))));
  }));
}

export function showRejected(told) {
  byId("rejected-rows").replaceChildren(...told.rows.map((row) => make("tr", {},
    make("th", { scope: "row" }, make("bdi", {}, row.source)),
    make("td", {}, make("code", { className: "reason" }, row.reason)),
    make("td", { className: "what" }, make("bdi", {}, row.file), make("small", {}, row.locator)),
    make("td", { className: "what", dir: "auto" }, row.detail),
    make("td", {}, raw(row.raw)))));
  reach(document.querySelectorAll("#rejected-rows .raw"), "raw row");
  const last = told.start + told.rows.length;
  const which = told.rows.length ? `rows ${count(told.start + 1)} to ${count(last)} of ${count(told.total)}` : "no rejected rows";
  say(byId("rejected-count"), which);
  byId("earlier").ariaDisabled = told.start > 0 ? null : "true";
  byId("later").ariaDisabled = last < told.total ? null : "true";
}

export function showHealth(told, now) {
  fill(byId("health-level"), told.level + told.at, () => [badge(told.level, told.level), ` as of ${apart(told.at, now)}`]);
  byId("health-rows").replaceChildren(...told.signs.map((sign) => make("tr", {},
    make("th", { scope: "row" }, sign.what),
    make("td", {}, badge(sign.level, sign.level)),
    make("td", { className: "what", dir: "auto" }, sign.told))));
}
