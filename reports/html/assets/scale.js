// Where values stand on an axis, and which of them are written there. A scale maps values to pixels between a (low) and b (high).

// linear is from 0 to beyond top, with about as many round ticks as there is room for.
function linear(top, a, b) {
  top = Math.max(top * 1.08, 1);
  const room = Math.max(3, Math.floor(Math.abs(b - a) / 36));
  let step = 10 ** Math.floor(Math.log10(top / room));
  for (const f of [1, 2, 2.5, 5, 10]) if (top / (step * f) <= room) { step *= f; break; }
  step = Math.max(step, 1); // messages are whole
  const at = v => a + v / top * (b - a);
  const ticks = [];
  for (let v = 0; v <= top; v += step) ticks.push({ at: at(v), text: thousands(v) });
  return { at, ticks };
}

// decades is logarithmic and holds low and high, both ns, in whole powers of ten.
function decades(low, high, a, b) {
  const from = Math.floor(Math.log10(low)), to = Math.max(Math.ceil(Math.log10(high)), from + 1);
  const at = v => a + (Math.log10(v) - from) / (to - from) * (b - a);
  const every = Math.ceil((to - from) * 15 / Math.abs(b - a));
  const ticks = [];
  for (let e = from; e <= to; e += every) ticks.push({ at: at(10 ** e), text: duration(10 ** e) });
  return { at, ticks };
}

// seconds is the time axis of the stretch that is looked at.
function seconds(from, to, a, b) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const room = Math.max(2, Math.floor((b - a) / 62));
  const step = steps.find(s => (to - from) / s <= room) || steps.at(-1);
  const at = v => a + (v - from) / (to - from) * (b - a);
  const ticks = [];
  for (let v = Math.ceil(from / step) * step; v <= to + 1e-9; v += step) ticks.push({ at: at(v), text: moment(v) });
  return { at, ticks, back: px => from + (px - a) / (b - a) * (to - from) };
}

// moment writes a second of the run: 12 s, and as on a clock in runs of minutes (2:05) and hours (1:02:05).
function moment(s) {
  if (data.end < 120) return grouped(s) + " s";
  const two = n => String(Math.floor(n)).padStart(2, "0");
  return s < 3600 ? Math.floor(s / 60) + ":" + two(s % 60) : Math.floor(s / 3600) + ":" + two(s % 3600 / 60) + ":" + two(s % 60);
}

// nines is the percentile axis on which 90 %, 99 % and 99.9 % are equally far apart.
function nines(to, a, b) {
  const at = v => a + v / to * (b - a);
  const named = [0, Math.log10(2)];
  for (let v = 1; v <= to + 1e-9; v++) named.push(v);
  const ticks = [];
  let free = -Infinity;
  for (const v of named) {
    const text = percent(v), half = textWidth(text) / 2;
    if (at(v) - half < free) continue;
    ticks.push({ at: at(v), text });
    free = at(v) + half + 8;
  }
  return { at, ticks, back: px => (px - a) / (b - a) * to };
}

// textWidth is near enough for 11 px of any sans serif.
const textWidth = s => s.length * 6.1;
