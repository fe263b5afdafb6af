// The heat map: for every second, which share of its messages took how long. Cells of one shade are one path, so that an hour is eight elements.

function heatmap() {
  const { bounds, rows } = data.heat, shades = 8;
  const total = row => row.slice(1).reduce((a, b) => a + b, 0);
  const lower = j => j > 0 ? bounds[j - 1] : bounds[0] ** 2 / bounds[1];
  let first = Infinity, end = -1;
  for (const row of rows) if (row.length > 1) { first = Math.min(first, row[0]); end = Math.max(end, row[0] + row.length - 2); }
  if (end < 0 || bounds.length < 2) return null;

  function paint(svg, x, y, from, to) {
    const paths = Array(shades).fill("");
    for (let i = from; i <= to; i++) {
      const row = rows[i] || [], sum = total(row);
      const a = x.at(data.start[i]), width = x.at(data.start[i] + data.step) - a, w = Math.max(width - (width > 3 ? 0.6 : 0), 0.5);
      for (let k = 1; k < row.length; k++) {
        if (!row[k]) continue;
        const top = y.at(bounds[row[0] + k - 1]), h = y.at(lower(row[0] + k - 1)) - top;
        const shade = Math.min(shades - 1, Math.floor(Math.sqrt(row[k] / sum) * shades));
        paths[shade] += `M${a.toFixed(1)},${top.toFixed(1)}h${w.toFixed(1)}v${(h - 0.6).toFixed(1)}h${(-w).toFixed(1)}z`;
      }
    }
    paths.forEach((d, i) => { if (d) draw(svg, "path", { d, fill: "var(--blue)", opacity: (0.12 + 0.88 * i / (shades - 1)).toFixed(2) }); });
  }

  // most says which band held most of a second's messages.
  function most(_, i) {
    const row = rows[i] || [], sum = total(row);
    if (!sum) return "no messages";
    let best = 1;
    for (let k = 2; k < row.length; k++) if (row[k] > row[best]) best = k;
    const j = row[0] + best - 1;
    return `${Math.round(100 * row[best] / sum)} % took ${duration(lower(j))} to ${duration(bounds[j])}`;
  }

  return { title: "Latency heat map", note: "end to end: share of a second’s messages in each band", height: 170, paint, format: most,
    series: [{ name: "most", values: [] }], scale: (_, box) => decades(lower(first) * 1.001, bounds[end] * 0.999, box.bottom, box.top) };
}
