// The charts over time: one axis, one crosshair, one stretch that is looked at.

function Timeline(root, reset, heard) {
  const whole = { from: 0, to: Math.max(data.end, data.step) };
  const view = { ...whole }, last = data.start.length - 1;
  const middle = i => data.start[i] + data.step / 2;
  const index = t => Math.max(0, Math.min(last, Math.floor((t - data.start[0]) / data.step)));
  const second = i => moment(data.start[i]);
  const charts = [];
  let cursor = null, drag = null;

  // bands are drawn behind the lines: phases, those not recorded muted, and faults until the cluster was healthy again.
  function bands(svg, box, x, named) {
    const place = t => Math.max(box.left, Math.min(box.right, x.at(t)));
    const seen = (a, b) => b > view.from && a < view.to;
    const h = box.bottom - box.top;
    for (const p of data.phases) {
      if (!seen(p.from, p.to)) continue;
      const a = place(p.from), b = place(p.to);
      if (!p.recorded) draw(svg, "rect", { class: "mute", x: a, y: box.top, width: b - a, height: h });
      if (p.from >= view.from) draw(svg, "line", { class: "border", x1: a, x2: a, y1: box.top, y2: box.bottom });
    }
    let free = -Infinity;
    for (const f of data.faults) {
      if (!seen(f.from, f.to) && f.from !== f.to) continue;
      const a = place(f.from), b = place(f.to), text = f.name + (f.open ? " (never settled)" : "");
      const r = draw(svg, "rect", { class: "band", x: a, y: box.top, width: Math.max(b - a, 1), height: h });
      draw(r, "title", {}, text);
      if (f.recovered != null && f.recovered > view.from && f.recovered < view.to) {
        const at = place(f.recovered);
        draw(svg, "line", { class: "healed", x1: at, x2: at, y1: box.top, y2: box.bottom });
      }
      const start = Math.max(box.left, Math.min(a, box.right - textWidth(text)));
      if (start < free) continue;
      draw(svg, "text", { class: "fault-name", x: start, y: box.top - 4 }, fit(text, box.right - start));
      free = start + textWidth(text) + 8;
    }
    for (const m of data.marks) {
      if (!seen(m.at, m.at)) continue;
      const at = place(m.at), g = draw(svg, "g", { class: "mark" });
      draw(g, "title", {}, moment(m.at) + ": " + m.name);
      draw(g, "line", { x1: at, x2: at, y1: box.top, y2: box.bottom });
      draw(g, "path", { d: `M${at - 4} ${box.top} h8 l-4 6 z` });
    }
    return () => {
      if (!named) return;
      for (const p of data.phases) {
        if (!seen(p.from, p.to)) continue;
        const a = place(p.from), text = fit(p.name, place(p.to) - a - 6);
        if (text) draw(svg, "text", { class: "halo", x: a + 4, y: box.bottom - 5 }, text);
      }
    };
  }

  function fit(text, room) {
    if (textWidth(text) <= room) return text;
    const n = Math.floor(room / 6.1) - 1;
    return n >= 3 ? text.slice(0, n) + "…" : "";
  }

  // add puts a chart on the page. spec: title, note, height, series, scale(visible extent, box), format; or paint for what is no line.
  function add(spec) {
    const f = figure(root, spec.title, spec.note, spec.title + " over time; arrows move the crosshair, plus and minus zoom, Escape shows all");
    const chart = { ...f, spec, outs: spec.series.map(s => spec.paint ? make(f.keys, "span", { className: "soft" }) : key(f.keys, s, all)) };
    chart.redraw = () => {
      const box = chart.box = frame(f.svg, spec.height);
      const x = chart.x = seconds(view.from, view.to, box.left, box.right);
      const names = bands(f.svg, box, x, !spec.paint);
      const from = index(view.from), to = index(view.to), range = spec.paint ? true : extent(spec.series, from, to);
      if (range) {
        const y = chart.y = spec.scale(range, box);
        axes(f.svg, box, x, y);
        const area = inside(f.svg, box);
        if (spec.paint) spec.paint(area, x, y, from, to);
        else for (const s of spec.series) if (!s.hidden) line(area, s, i => x.at(middle(i)), y, 3);
      } else {
        axes(f.svg, box, x, { ticks: [] });
        draw(f.svg, "text", { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2, "text-anchor": "middle" }, "nothing in this stretch");
      }
      names();
      chart.front = draw(f.svg, "g", {});
    };
    f.svg.addEventListener("pointermove", e => point(chart, e));
    f.svg.addEventListener("pointerleave", e => { if (e.pointerType === "mouse" && !drag) show(null); });
    f.svg.addEventListener("pointerdown", e => {
      if (e.button !== 0) return;
      point(chart, e);
      drag = { chart, id: e.pointerId, a: time(chart, e), b: null, x: e.clientX };
      try { f.svg.setPointerCapture(e.pointerId); } catch { /* the pointer is gone already */ }
    });
    f.svg.addEventListener("pointerup", () => {
      const d = drag;
      drag = null;
      if (d && d.b != null) zoom(Math.min(d.a, d.b), Math.max(d.a, d.b)); else front();
    });
    f.svg.addEventListener("pointercancel", () => { drag = null; front(); });
    f.svg.addEventListener("dblclick", () => zoom(whole.from, whole.to));
    f.svg.addEventListener("keydown", e => keyboard(chart, e));
    f.svg.addEventListener("blur", () => show(null));
    charts.push(chart);
  }

  function time(chart, e) {
    const r = chart.svg.getBoundingClientRect();
    const px = (e.clientX - r.left) / r.width * chart.box.width;
    return chart.x.back(Math.max(chart.box.left, Math.min(chart.box.right, px)));
  }

  function point(chart, e) {
    const t = time(chart, e);
    if (drag && drag.id === e.pointerId && Math.abs(e.clientX - drag.x) > 5) drag.b = t;
    show(index(t));
  }

  function zoom(from, to) {
    const least = 4 * data.step;
    if (to - from < least) { const mid = (from + to) / 2; from = mid - least / 2; to = mid + least / 2; }
    view.from = Math.max(whole.from, Math.min(from, whole.to - least));
    view.to = Math.min(whole.to, Math.max(to, view.from + least));
    reset.hidden = view.from <= whole.from && view.to >= whole.to;
    all();
  }

  function keyboard(chart, e) {
    const at = cursor ?? index((view.from + view.to) / 2), far = e.shiftKey ? 10 : 1, mid = middle(at), half = (view.to - view.from) / 2;
    const step = cursor == null ? 0 : far;
    const does = {
      ArrowRight: () => move(at + step), ArrowLeft: () => move(at - step), Home: () => move(index(view.from)), End: () => move(index(view.to)),
      "+": () => zoom(mid - half / 2, mid + half / 2), "=": () => zoom(mid - half / 2, mid + half / 2),
      "-": () => zoom(mid - half * 2, mid + half * 2),
      Escape: () => { if (reset.hidden) show(null); zoom(whole.from, whole.to); },
    }[e.key];
    if (!does || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    does();
    if (cursor != null) heard.textContent = second(cursor) + ": " + chart.spec.series.map((s, i) => s.name + " " + value(chart, i)).join(", ");
  }

  function move(i) {
    i = Math.max(0, Math.min(last, i));
    const t = middle(i), width = view.to - view.from;
    show(i);
    if (t < view.from) zoom(Math.floor(t), Math.floor(t) + width);
    else if (t > view.to) zoom(Math.ceil(t) - width, Math.ceil(t));
  }

  const value = (chart, i) => chart.spec.format(chart.spec.series[i].values[cursor], cursor);

  function show(i) {
    cursor = i;
    front();
  }

  // front draws what moves: crosshair, dots and selection; and puts the values behind the names.
  function front() {
    for (const c of charts) {
      c.front.replaceChildren();
      c.outs.forEach((o, i) => { o.textContent = cursor == null ? "" : value(c, i); });
      if (drag && drag.b != null) {
        const a = c.x.at(drag.a), b = c.x.at(drag.b);
        draw(c.front, "rect", { class: "select", x: Math.min(a, b), y: c.box.top, width: Math.abs(b - a), height: c.box.bottom - c.box.top });
      }
      if (cursor == null || !c.y) continue;
      const x = c.x.at(middle(cursor));
      if (x < c.box.left || x > c.box.right) continue;
      draw(c.front, "line", { class: "cross", x1: x, x2: x, y1: c.box.top, y2: c.box.bottom });
      const text = second(cursor), half = textWidth(text) / 2 + 2;
      draw(c.front, "text", { class: "when halo", x: Math.max(c.box.left + half, Math.min(c.box.right - half, x)), y: c.box.top + 10,
        "text-anchor": "middle" }, text);
      if (!c.spec.paint) {
        for (const s of c.spec.series) {
          const v = s.values[cursor];
          if (v != null && !s.hidden) draw(c.front, "circle", { cx: x, cy: c.y.at(v), r: 3.2, fill: `var(--${s.color})` });
        }
      }
    }
  }

  function all() {
    for (const c of charts) c.redraw();
    front();
  }

  reset.onclick = () => zoom(whole.from, whole.to);
  return { add, redraw: all };
}
