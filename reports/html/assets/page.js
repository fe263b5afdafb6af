// Puts the charts of a run on the page.

if (byId("timeline")) {
  const t = Timeline(byId("timeline"), byId("reset"), byId("heard"));
  const counts = (range, box) => linear(range.high, box.bottom, box.top);
  const times = (range, box) => decades(range.low, range.high, box.bottom, box.top);
  const some = list => list.some(s => s.values.some(v => v != null));
  const add = spec => { if (spec && (spec.paint || some(spec.series))) t.add(spec); };
  add({ title: "Messages per second", height: 220, scale: counts, format: count, series: [
    { name: "offered", color: "grey", dashed: true, values: data.offered }, { name: "sent", color: "blue", values: data.sent },
    { name: "acked", color: "green", values: data.acked }, { name: "received", color: "orange", values: data.received }] });
  const from = data.closed ? "from the send" : "from the intended send";
  add({ title: "End-to-end latency", note: from, height: 220, scale: times, format: duration, series: [
    { name: "p50", color: "green", values: data.p50 }, { name: "p99", color: "blue", values: data.p99 },
    { name: "max", color: "orange", values: data.max }] });
  add(heatmap());
  add({ title: "Ack latency", note: from, height: 170, scale: times, format: duration, series: [
    { name: "p50", color: "green", values: data.ackP50 }, { name: "p99", color: "blue", values: data.ackP99 }] });
  add({ title: "Backlog", height: 140, scale: counts, format: count, series: [
    { name: "acked, not yet received by the slowest group", color: "violet", values: data.backlog }] });
  drawn.push([byId("timeline"), t.redraw]);
}
if (byId("percentiles")) {
  const p = percentileChart(byId("percentiles"), byId("heard"), data.curves.map(c => ({ ...c, name: c.phase })), "Latency");
  if (p) drawn.push([byId("percentiles"), p.redraw]);
}
keep();
