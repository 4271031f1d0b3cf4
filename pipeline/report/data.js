// The dataset as the page holds it: typed arrays by post and by mention.

async function unpacked(id) {
  const bytes = Uint8Array.from(atob(find(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

// For each of n posts its mentions, side by side: those of post i are order[starts[i]] .. order[starts[i + 1] - 1].
function byPost(posts, n) {
  const starts = new Int32Array(n + 1);
  for (const post of posts) starts[post + 1] += 1;
  for (let i = 0; i < n; i += 1) starts[i + 1] += starts[i];
  const next = starts.slice();
  const order = new Int32Array(posts.length);
  posts.forEach((post, mention) => { order[next[post]++] = mention; });
  return { starts, order };
}

const UNKNOWN = -1e15; // a time or day that is not known

const numbers = (values, unit) => Float64Array.from(values, (value) => (value === null ? UNKNOWN : value * unit));

function arrange(raw) {
  const { posts, places, mentions, dates, words } = raw;
  const n = posts.id.length;
  const codes = [...new Set(posts.language)];
  const sizes = new Map();
  for (const language of posts.language) sizes.set(language, (sizes.get(language) || 0) + 1);
  codes.sort((a, b) => sizes.get(b) - sizes.get(a) || a - b);
  const from = numbers(dates.from, DAY);
  const to = numbers(dates.to, DAY);
  const data = {
    ...raw,
    n,
    word: (number) => (number < 0 ? "" : words[number]),
    source: Int32Array.from(posts.source),
    languages: codes.map((code) => (code < 0 ? "und" : words[code])),
    language: Int32Array.from(posts.language, (code) => codes.indexOf(code)),
    time: numbers(posts.time, 60000),
    local: numbers(posts.local, 60000),
    from,
    to,
    // An open date stands at the end that is known.
    first: from.map((day, i) => (day === UNKNOWN ? to[i] : day)),
    last: to.map((day, i) => (day === UNKNOWN ? from[i] : day)),
    placeOf: Int32Array.from(mentions.place),
    placeCount: places.name.length,
    mentioning: byPost(mentions.post, n),
    dating: byPost(dates.post, n),
  };
  const countries = new Map(raw.outlines.land.map((land) => [land.properties.code, land.properties.name]));
  data.countryName = (number) => countries.get(data.word(number)) || data.word(number);
  return { ...data, ...distinct(data), folds: foldTable(raw.folds) };
}

// The places of each post, each once, and the pairs of them.
function distinct(data) {
  const { n, placeCount, placeOf, mentioning } = data;
  const starts = new Int32Array(n + 1);
  const held = [];
  const pairStarts = new Int32Array(n + 1);
  const pairs = [];
  const known = new Map();
  const pairPlaces = [];
  for (let post = 0; post < n; post += 1) {
    const own = new Set();
    for (let k = mentioning.starts[post]; k < mentioning.starts[post + 1]; k += 1) own.add(placeOf[mentioning.order[k]]);
    const sorted = [...own].sort((a, b) => a - b);
    held.push(...sorted);
    for (let a = 0; a < sorted.length; a += 1) {
      for (let b = a + 1; b < sorted.length; b += 1) {
        const key = sorted[a] * placeCount + sorted[b];
        let pair = known.get(key);
        if (pair === undefined) {
          pair = known.size;
          known.set(key, pair);
          pairPlaces.push([sorted[a], sorted[b]]);
        }
        pairs.push(pair);
      }
    }
    starts[post + 1] = held.length;
    pairStarts[post + 1] = pairs.length;
  }
  return { heldStarts: starts, held: Int32Array.from(held), pairStarts, pairs: Int32Array.from(pairs), pairPlaces };
}

// What each of the 65,536 first code points folds to; undefined where it stays.
function foldTable(folds) {
  const table = new Array(0x10000);
  for (const [letter, known] of Object.entries(folds)) table[letter.charCodeAt(0)] = known;
  return table;
}

// Text as the matching of the pipeline folds it, letter by letter.
function folded(text, table) {
  const composed = text.normalize("NFC");
  let out = "";
  let from = 0; // letters that stay are copied together
  for (let i = 0; i < composed.length; i += 1) {
    const known = table[composed.charCodeAt(i)];
    if (known === undefined) continue;
    out += composed.slice(from, i) + known;
    from = i + 1;
  }
  return out + composed.slice(from);
}
