// What all charts have in common: a figure with keys, a frame with axes, lines.

const SVG = "http://www.w3.org/2000/svg";

function draw(parent, name, attributes, text) {
  const e = document.createElementNS(SVG, name);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  if (text != null) e.textContent = text;
  parent.append(e);
  return e;
}

function make(parent, name, properties) {
  const e = Object.assign(document.createElement(name), properties);
  parent.append(e);
  return e;
}

// figure puts an empty chart on the page: its title, a place for keys, and the drawing, which the keyboard can reach.
function figure(parent, title, note, label) {
  const f = make(parent, "figure", {}), caption = make(f, "figcaption", {});
  make(caption, "b", { textContent: title });
  if (note) make(caption, "span", { className: "soft", textContent: note });
  const keys = make(caption, "span", { className: "keys" });
  const svg = draw(f, "svg", { class: "plot", tabindex: 0, role: "group", "aria-roledescription": "chart", "aria-label": label });
  return { caption, keys, svg };
}

// key is the button that names a line, shows its value and hides it.
function key(parent, series, changed) {
  const b = make(parent, "button", { className: series.dashed ? "key dash" : "key", type: "button", textContent: series.name });
  b.style.setProperty("--k", `var(--${series.color})`);
  b.setAttribute("aria-pressed", "true");
  b.title = "show or hide";
  const out = make(b, "output", {});
  b.onclick = () => {
    series.hidden = !series.hidden;
    b.setAttribute("aria-pressed", String(!series.hidden));
    changed();
  };
  return out;
}

// paper is the width of a printed page while one is made, 0 on the screen.
let paper = 0;

// frame clears the drawing, gives it the real width, so that a letter is as large as one in the text, and says where the plot area is.
function frame(svg, height) {
  const width = Math.max(240, Math.round(paper || svg.parentNode.clientWidth - (innerWidth <= 760 ? 16 : 24)));
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  return { left: 52, right: width - 14, top: 16, bottom: height - 22, width, height };
}

// inside is a part of the drawing that cuts off what does not belong into the plot area.
function inside(svg, box) {
  const w = box.right - box.left, h = box.bottom - box.top;
  return draw(svg, "svg", { x: box.left, y: box.top, width: w, height: h, viewBox: `${box.left} ${box.top} ${w} ${h}`, overflow: "hidden" });
}

function axes(svg, box, x, y) {
  for (const t of y.ticks) {
    draw(svg, "line", { class: "grid", x1: box.left, x2: box.right, y1: t.at, y2: t.at });
    draw(svg, "text", { x: box.left - 6, y: t.at + 4, "text-anchor": "end" }, t.text);
  }
  for (const t of x.ticks) {
    const over = t.at + textWidth(t.text) / 2 > box.width - 2;
    draw(svg, "text", { x: over ? box.width - 2 : t.at, y: box.height - 5, "text-anchor": over ? "end" : "middle" }, t.text);
  }
}

// line draws values, broken where there is none; a value without neighbours becomes a short stroke, or it would not be seen.
function line(svg, series, xs, y, short) {
  let d = "", alone = null;
  series.values.forEach((v, i) => {
    if (v == null) { if (alone != null) d += `m${-short},0h${2 * short}`; alone = null; return; }
    const first = i === 0 || series.values[i - 1] == null;
    d += (first ? "M" : "L") + xs(i).toFixed(1) + "," + y.at(v).toFixed(1);
    alone = first ? i : null;
  });
  if (alone != null) d += `m${-short},0h${2 * short}`;
  draw(svg, "path", { class: "curve", d, stroke: `var(--${series.color})`,
    ...(series.values.length > 900 && { style: "stroke-width:1.1" }), // an hour of them would become one thick bar
    ...(series.dashed && { "stroke-dasharray": "4 3", style: "stroke-width:1.2" }) });
}

// extent is the lowest and the highest value of the visible series among the points from..to.
function extent(all, from, to) {
  let low = Infinity, high = -Infinity;
  for (const s of all) {
    if (s.hidden) continue;
    for (let i = from; i <= to; i++) if (s.values[i] != null) { low = Math.min(low, s.values[i]); high = Math.max(high, s.values[i]); }
  }
  return low <= high ? { low, high } : null;
}
