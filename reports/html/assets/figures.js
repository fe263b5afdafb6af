// The run’s figures, and how to write them for people: as reports/format.go does.

const data = JSON.parse(document.getElementById("data").textContent);
const none = "–";
const grouped = n => Math.round(n).toLocaleString("en-US");

function digits(v) {
  if (v >= 99.95) return grouped(v);
  return v.toFixed(v >= 9.995 ? 1 : 2).replace(/\.?0+$/, "");
}

function duration(ns) {
  if (ns == null) return none;
  if (ns <= 0) return "0 s";
  for (const unit of [" ns", " µs", " ms"]) {
    if (ns < 999.5) return digits(ns) + unit;
    ns /= 1000;
  }
  if (ns < 119.5) return digits(ns) + " s";
  const s = Math.round(ns);
  if (s < 3600) return Math.floor(s / 60) + " min" + (s % 60 ? " " + s % 60 + " s" : "");
  const min = Math.round(s / 60);
  return grouped(Math.floor(min / 60)) + " h" + (min % 60 ? " " + min % 60 + " min" : "");
}

const count = v => v == null ? none : grouped(v);

// thousands writes 20000 as 20 k, for an axis has little room.
function thousands(v) {
  const plain = x => x.toFixed(2).replace(/\.?0+$/, "");
  if (v >= 1e6) return plain(v / 1e6) + " M";
  if (v >= 1e4) return plain(v / 1e3) + " k";
  return v < 10 ? plain(v) : grouped(v);
}

// percent writes a number of nines as the share it stands for.
function percent(nines) {
  const p = 100 * (1 - 10 ** -nines);
  return p.toFixed(Math.max(0, Math.ceil(nines - 1.001))).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "") + " %";
}
