// Percentile curves, of recorded phases or of whatever they are named for, of one of the four latencies at a time.

function percentileChart(root, heard, curves, title) {
  const named = { end_to_end: "end to end", ack: "ack", service: "service", lag: "lag" };
  const colors = ["green", "orange", "blue", "violet", "grey", "red"];
  const metrics = Object.keys(named).filter(m => curves.some(c => c.metric === m));
  if (!metrics.length) return null;
  let metric = metrics[0], cursor = null, series = [], outs = [];
  const f = figure(root, title, "", "latency by percentile; arrows move the crosshair");
  const pick = make(f.caption, "span", { className: "pick" });
  f.caption.insertBefore(pick, f.keys);
  const buttons = metrics.map(m => {
    const b = make(pick, "button", { type: "button", textContent: named[m] });
    b.onclick = () => { metric = m; choose(); };
    return b;
  });
  let x, y, box, front, end;

  function choose() {
    buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(metrics[i] === metric)));
    f.keys.replaceChildren();
    const mine = curves.filter(c => c.metric === metric);
    series = mine.map((c, i) => ({ name: c.name, color: c.color || colors[i % colors.length], nines: c.nines, values: c.values }));
    end = Math.max(1, ...mine.map(c => c.nines.at(-1)));
    outs = series.map(s => key(f.keys, s, redraw));
    redraw();
  }

  function redraw() {
    box = frame(f.svg, 264);
    x = nines(end, box.left, box.right);
    y = null;
    const ranges = series.map(s => extent([s], 0, s.values.length - 1)).filter(Boolean);
    if (ranges.length) {
      y = decades(Math.min(...ranges.map(r => r.low)), Math.max(...ranges.map(r => r.high)), box.bottom, box.top);
      axes(f.svg, box, x, y);
      const area = inside(f.svg, box);
      for (const s of series) if (!s.hidden) line(area, s, i => x.at(s.nines[i]), y, 3);
    }
    front = draw(f.svg, "g", {});
    show(cursor);
  }

  // at is a curve's value at a number of nines; beyond its last point it says nothing.
  function at(s, v) {
    let i = s.nines.findIndex(n => n >= v - 1e-9);
    if (i < 0) return null;
    if (i === 0 || s.nines[i] === s.nines[i - 1]) return s.values[i];
    const part = (v - s.nines[i - 1]) / (s.nines[i] - s.nines[i - 1]);
    return s.values[i - 1] + part * (s.values[i] - s.values[i - 1]);
  }

  function show(v) {
    cursor = v;
    front.replaceChildren();
    series.forEach((s, i) => { outs[i].textContent = v == null ? "" : duration(at(s, v)); });
    if (v == null || !y) return;
    const px = x.at(v), text = percent(v), half = textWidth(text) / 2 + 2;
    draw(front, "line", { class: "cross", x1: px, x2: px, y1: box.top, y2: box.bottom });
    draw(front, "text", { class: "when halo", x: Math.max(box.left + half, Math.min(box.right - half, px)), y: box.top - 4,
      "text-anchor": "middle" }, text);
    for (const s of series) {
      const ns = at(s, v);
      if (ns != null && !s.hidden) draw(front, "circle", { cx: px, cy: y.at(ns), r: 3.2, fill: `var(--${s.color})` });
    }
  }

  // snap takes the named percentiles from close by, for those are what one wants to read.
  function snap(v) {
    for (const n of [Math.log10(2), 1, 2, 3, 4, 5, 6]) if (Math.abs(v - n) < end / 40) return Math.min(n, end);
    return Math.max(0, Math.min(end, v));
  }

  f.svg.addEventListener("pointermove", e => {
    const r = f.svg.getBoundingClientRect();
    show(snap(x.back((e.clientX - r.left) / r.width * box.width)));
  });
  f.svg.addEventListener("pointerleave", () => show(null));
  f.svg.addEventListener("blur", () => show(null));
  f.svg.addEventListener("keydown", e => {
    const stops = [0, Math.log10(2), 1, 2, 3, 4, 5, 6].filter(n => n <= end + 1e-9);
    const i = cursor == null ? -1 : stops.findIndex(n => n >= cursor - 1e-9);
    const to = { ArrowRight: stops[Math.min(i + 1, stops.length - 1)], ArrowLeft: stops[Math.max(i - 1, 0)], Escape: null }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    show(to);
    if (to != null) heard.textContent = percent(to) + ": " + series.map(s => s.name + " " + duration(at(s, to))).join(", ");
  });
  choose();
  return { redraw };
}
