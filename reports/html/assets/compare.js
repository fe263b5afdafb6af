// Puts the curves of the targets on the page of a comparison: over time, and by percentile one chart for each phase.

if (byId("overtime")) {
  const t = Timeline(byId("overtime"), byId("reset"), byId("heard"));
  const counts = (range, box) => linear(range.high, box.bottom, box.top);
  const times = (range, box) => decades(range.low, range.high, box.bottom, box.top);
  const lines = of => data.lines.map(l => ({ name: l.name, color: l.color, values: l[of] }));
  const add = spec => { if (spec.series.some(s => s.values.some(v => v != null))) t.add(spec); };
  add({ title: "End-to-end latency, p99", note: "of each second", height: 220, scale: times, format: duration, series: lines("endToEnd") });
  add({ title: "Received per second", note: "by the slowest group of each topic", height: 170, scale: counts, format: count, series: lines("received") });
  add({ title: "Ack latency, p99", note: "of each second", height: 170, scale: times, format: duration, series: lines("ack") });
  drawn.push([byId("overtime"), t.redraw]);
}

for (const place of document.querySelectorAll("[data-phase]")) {
  const mine = data.curves.filter(c => c.phase === place.dataset.phase);
  const p = percentileChart(place, byId("heard"), mine, place.dataset.phase);
  if (p) drawn.push([place, p.redraw]);
}
keep();
