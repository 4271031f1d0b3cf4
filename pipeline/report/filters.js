// Which posts are shown.  Each kind of filter owns one bit of a post's mask: set where the post fails it.  A panel counts the posts
// that fail no filter but its own; the list shows those that fail none.

const BITS = { source: 1, language: 2, place: 4, posted: 8, mentioned: 16, search: 32 };

class Filters {
  constructor(data) {
    this.data = data;
    this.fails = new Uint8Array(data.n);
    this.sources = new Set();
    this.languages = new Set();
    this.places = new Set();
    this.allPlaces = false; // a post must name all chosen places, not only one
    this.posted = null; // [first, last) in milliseconds
    this.mentioned = null;
    this.search = "";
    this.haystack = [];
  }

  mark(bit, passes) {
    const { fails } = this;
    for (let post = 0; post < fails.length; post += 1) {
      if (passes(post)) fails[post] &= ~bit;
      else fails[post] |= bit;
    }
  }

  update(kind) {
    const { data } = this;
    const bit = BITS[kind];
    if (kind === "source") {
      this.mark(bit, (post) => !this.sources.size || this.sources.has(data.source[post]));
    } else if (kind === "language") {
      this.mark(bit, (post) => !this.languages.size || this.languages.has(data.language[post]));
    } else if (kind === "place") {
      const needed = this.allPlaces ? this.places.size : Math.min(1, this.places.size);
      this.mark(bit, (post) => this.named(post, needed));
    } else if (kind === "posted") {
      const range = this.posted;
      this.mark(bit, (post) => !range || (data.time[post] !== UNKNOWN && data.time[post] >= range[0] && data.time[post] < range[1]));
    } else if (kind === "mentioned") {
      this.mark(bit, (post) => this.tells(post));
    } else {
      const wanted = folded(this.search, data.folds).split(/\s+/).filter(Boolean);
      const exact = this.search.trim();
      if (wanted.length) this.foldUntil(data.n);
      this.mark(bit, (post) => !wanted.length || data.posts.id[post] === exact
        || wanted.every((word) => this.haystack[post].includes(word)));
    }
  }

  // Fold the texts of the posts before the given one, where that is not done yet.
  foldUntil(end) {
    const { data, haystack } = this;
    while (haystack.length < Math.min(end, data.n)) haystack.push(folded(data.posts.text[haystack.length], data.folds));
    return haystack.length < data.n;
  }

  named(post, needed) {
    if (!needed) return true;
    let met = 0;
    for (let k = this.data.heldStarts[post]; k < this.data.heldStarts[post + 1]; k += 1) {
      if (this.places.has(this.data.held[k])) met += 1;
    }
    return met >= needed;
  }

  // Whether a post mentions a date that shares a day with the chosen range.
  tells(post) {
    if (!this.mentioned) return true;
    const { dating, first, last } = this.data;
    for (let k = dating.starts[post]; k < dating.starts[post + 1]; k += 1) {
      const mention = dating.order[k];
      if (first[mention] !== UNKNOWN && first[mention] < this.mentioned[1] && last[mention] >= this.mentioned[0]) return true;
    }
    return false;
  }

  // Numbers of posts and mentions for every panel, in one pass.
  counts(times) {
    const { data, fails } = this;
    const found = {
      shown: 0,
      sources: new Int32Array(data.sources.length),
      languages: new Int32Array(data.languages.length),
      placePosts: new Int32Array(data.placeCount),
      placeMentions: new Int32Array(data.placeCount),
      pairs: new Int32Array(data.pairPlaces.length),
      posted: new Int32Array(times.size),
      within: new Int32Array(times.size),
      wider: new Int32Array(times.size),
    };
    for (let post = 0; post < data.n; post += 1) {
      const failed = fails[post];
      if (!(failed & ~BITS.source)) found.sources[data.source[post]] += 1;
      if (!(failed & ~BITS.language)) found.languages[data.language[post]] += 1;
      if (!(failed & ~BITS.posted) && times.bin[post] >= 0) found.posted[times.bin[post]] += 1;
      if (!(failed & ~BITS.place)) {
        for (let k = data.heldStarts[post]; k < data.heldStarts[post + 1]; k += 1) found.placePosts[data.held[k]] += 1;
        for (let k = data.mentioning.starts[post]; k < data.mentioning.starts[post + 1]; k += 1) {
          found.placeMentions[data.placeOf[data.mentioning.order[k]]] += 1;
        }
      }
      if (!(failed & ~BITS.mentioned)) {
        for (let k = data.dating.starts[post]; k < data.dating.starts[post + 1]; k += 1) {
          const mention = data.dating.order[k];
          const [a, b] = [times.firstBin[mention], times.lastBin[mention]];
          if (a > b) continue;
          if (a === b && times.fits[mention]) found.within[a] += 1;
          else for (let bin = a; bin <= b; bin += 1) found.wider[bin] += 1;
        }
      }
      if (!failed) {
        found.shown += 1;
        for (let k = data.pairStarts[post]; k < data.pairStarts[post + 1]; k += 1) found.pairs[data.pairs[k]] += 1;
      }
    }
    return found;
  }

  // The posts that pass, in the given order.
  passing(order) {
    return order.filter((post) => !this.fails[post]);
  }

  get active() {
    return this.sources.size || this.languages.size || this.places.size || this.posted || this.mentioned || this.search;
  }
}
