// Puts the percentile curves of the targets on the page of a comparison, one chart for each phase.

for (const place of document.querySelectorAll("[data-phase]")) {
  const mine = data.curves.filter(c => c.phase === place.dataset.phase);
  const p = percentileChart(place, byId("heard"), mine, place.dataset.phase);
  if (p) drawn.push([place, p.redraw]);
}
keep();
