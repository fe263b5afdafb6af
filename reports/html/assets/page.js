// Puts the charts on the page, and keeps them as wide as it is.

document.documentElement.classList.add("js");

const drawn = [], byId = id => document.getElementById(id);

if (byId("timeline")) {
  const t = Timeline(byId("timeline"), byId("reset"), byId("heard"));
  const counts = (range, box) => linear(range.high, box.bottom, box.top);
  const times = (range, box) => decades(range.low, range.high, box.bottom, box.top);
  const some = list => list.some(s => s.values.some(v => v != null));
  const add = spec => { if (spec && (spec.paint || some(spec.series))) t.add(spec); };
  add({ title: "Messages per second", height: 220, scale: counts, format: count, series: [
    { name: "offered", color: "grey", dashed: true, values: data.offered }, { name: "sent", color: "blue", values: data.sent },
    { name: "acked", color: "green", values: data.acked }, { name: "received", color: "orange", values: data.received }] });
  add({ title: "End-to-end latency", note: "from the intended send", height: 220, scale: times, format: duration, series: [
    { name: "p50", color: "green", values: data.p50 }, { name: "p99", color: "blue", values: data.p99 },
    { name: "max", color: "orange", values: data.max }] });
  add(heatmap());
  add({ title: "Ack latency", note: "from the intended send", height: 170, scale: times, format: duration, series: [
    { name: "p50", color: "green", values: data.ackP50 }, { name: "p99", color: "blue", values: data.ackP99 }] });
  add({ title: "Backlog", height: 140, scale: counts, format: count, series: [
    { name: "acked, not yet received by the slowest group", color: "violet", values: data.backlog }] });
  drawn.push([byId("timeline"), t.redraw]);
}
if (byId("percentiles")) {
  const p = percentileChart(byId("percentiles"), byId("heard"));
  if (p) drawn.push([byId("percentiles"), p.redraw]);
}

for (const [element, redraw] of drawn) {
  let width = 0;
  new ResizeObserver(() => {
    if (element.clientWidth === width || !element.clientWidth) return;
    width = element.clientWidth;
    requestAnimationFrame(redraw);
  }).observe(element);
  redraw();
}

// On paper nobody can open anything, so that what is closed is opened, and closed again.
let closed = [];
addEventListener("beforeprint", () => {
  paper = 680;
  drawn.forEach(([, redraw]) => redraw());
  closed = [...document.querySelectorAll("details:not([open])")];
  closed.forEach(d => { d.open = true; });
});
addEventListener("afterprint", () => {
  paper = 0;
  drawn.forEach(([, redraw]) => redraw());
  closed.forEach(d => { d.open = false; });
});
