// The posts that pass all filters as a table for spreadsheets: UTF-8 with BOM; no cell can act as a formula.

function cell(value) {
  const text = String(value);
  const safe = /^\s*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

function csvOf(data, posts) {
  const { word } = data;
  const lines = [["post_id", "source", "posted_at_utc", "language", "places", "dates", "text"]];
  const several = (index, post, name) => {
    const own = [];
    for (let k = index.starts[post]; k < index.starts[post + 1]; k += 1) own.push(name(index.order[k]));
    return [...new Set(own)].join("; ");
  };
  for (const post of posts) {
    lines.push([
      data.posts.id[post], data.sources[data.source[post]].name,
      data.time[post] === UNKNOWN ? "" : new Date(data.time[post]).toISOString().slice(0, 16), data.languages[data.language[post]],
      several(data.mentioning, post, (i) => word(data.places.name[data.placeOf[i]])),
      several(data.dating, post, (i) => word(data.dates.edtf[i])), data.posts.text[post],
    ]);
  }
  return `\uFEFF${lines.map((line) => line.map(cell).join(",")).join("\r\n")}\r\n`;
}

function save(data, posts) {
  const address = URL.createObjectURL(new Blob([csvOf(data, posts)], { type: "text/csv;charset=utf-8" }));
  const link = make("a", { href: address, download: `marsad-version-${data.facts.version}-${posts.length}-posts.csv` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
