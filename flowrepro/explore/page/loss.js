// The loss over flow time, its plateaus, and the events of the neurons as ticks.

import { number, path, scaled, tag, ticks } from "./drawing.js";

export const WIDE = 720, HIGH = 230;
const LEFT = 52, TOP = 10, BOTTOM = HIGH - 52, ROWS = ["cross", "slide", "death", "other"];
const FLAT = 0.01, LONG = 0.06;

export function group(kind) {
  if (kind.startsWith("cross")) return "cross";
  if (kind.startsWith("slide") || kind.startsWith("leave")) return "slide";
  return kind === "death" ? "death" : "other";
}

export function lossAxes(data, logarithmic, wide) {
  const right = wide - 12;
  const end = data.scene.t, first = end * 1e-3;
  const positive = Array.from(data.loss).filter(value => value > 0 && Number.isFinite(value));
  const high = Math.log10(Math.max(...positive, 1e-300)), low = Math.max(Math.log10(Math.min(...positive, 1e300)), high - 16);
  const flat = logarithmic ? scaled(Math.log10(first), Math.log10(end), LEFT + 8, right) : scaled(0, end, LEFT, right);
  const across = t => logarithmic ? (t < first ? LEFT : flat(Math.log10(t))) : flat(t);
  return { across, up: scaled(Math.min(low, high - 0.3), high, BOTTOM, TOP + 4), low: Math.min(low, high - 0.3), high, end, logarithmic, right };
}

export function lossStatic(data, axes) {
  const { across, up, right } = axes;
  let text = "";
  const powers = ticks(axes.low, axes.high, 4);
  for (const power of powers) {
    text += path([[LEFT, up(power)], [right, up(power)]], { class: "axis" });
    text += tag("text", { x: LEFT - 5, y: up(power) + 4, "text-anchor": "end" }, number(10 ** power, 2));
  }
  const times = axes.logarithmic ? ticks(Math.log10(axes.end) - 3, Math.log10(axes.end), 4).filter(Number.isInteger).map(p => 10 ** p) : ticks(0, axes.end, 6);
  for (const t of times) text += tag("text", { x: across(t), y: HIGH - 4, "text-anchor": "middle" }, number(t));
  text += tag("text", { x: right, y: HIGH - 16, "text-anchor": "end" }, "flow time");
  for (const [from, to] of plateaus(data, axes)) {
    text += tag("rect", { x: across(from), y: TOP, width: across(to) - across(from), height: BOTTOM - TOP, class: "plateau" }, tag("title", {}, `plateau from t = ${number(from)} to ${number(to)}`));
  }
  const curve = Array.from(data.t, (t, k) => [across(t), data.loss[k] > 0 ? up(Math.max(axes.low, Math.log10(data.loss[k]))) : BOTTOM]);
  text += path(curve, { class: "curve" });
  const seen = new Set();
  data.events.forEach(({ t, neuron, kind }) => {
    const row = ROWS.indexOf(group(kind)), x = Math.round(across(t) * 2) / 2, key = `${row} ${x}`;
    if (seen.has(key)) return;
    seen.add(key);
    const y = BOTTOM + 5 + 7 * row;
    text += tag("path", { d: `M${x} ${y}v6`, class: `tick ${ROWS[row]}` }, tag("title", {}, `${kind} of neuron ${neuron + 1} at t = ${number(t)}`));
  });
  return text;
}

// Stretches of the drawn time axis over which the loss falls by less than a hundredth.
function plateaus(data, axes) {
  const found = [];
  for (let k = 0; k < data.t.length - 1; k++) {
    let last = k;
    while (last + 1 < data.t.length && Math.abs(Math.log(data.loss[last + 1] / data.loss[k])) < FLAT) last++;
    if (axes.across(data.t[last]) - axes.across(data.t[k]) > LONG * axes.right) { found.push([data.t[k], data.t[last]]); k = last; }
  }
  return found;
}

export function lossMoving(data, axes, k) {
  const x = axes.across(data.t[k]);
  return tag("path", { d: `M${x} ${TOP}V${BOTTOM + 32}`, class: "cursor" })
    + (data.loss[k] > 0 ? tag("circle", { cx: x, cy: axes.up(Math.max(axes.low, Math.log10(data.loss[k]))), r: 4, class: "neuron cursor" }) : "");
}
