// The learned function: over the line for points (x, 1), over the directions for other points of
// the plane, and as outputs against targets in other dimensions.

import { SIZE, path, scaled, tag, ticks, number } from "./drawing.js";
import { pointMarks } from "./plane.js";

const LEFT = 40, RIGHT = SIZE - 20, TOP = 12, BOTTOM = SIZE - 34, GRID = 180;

// The axes: how a point and its target lie on them, and what a place on them means.
export function graphAxes(question, scene) {
  const { x, y, bias } = question;
  const kind = scene.d !== 2 ? "outputs" : bias ? "line" : "circle";
  const size = x.map(row => Math.hypot(...row) || 1);
  const values = kind === "circle" ? y.map((value, k) => value / size[k]) : y;
  const spread = (Math.max(0, ...values) - Math.min(0, ...values)) || 1;
  const heights = [Math.min(0, ...values) - 0.35 * spread, Math.max(0, ...values) + 0.35 * spread];
  let ends = [-180, 180];
  if (kind === "line") {
    const places = x.map(row => row[0]), low = Math.min(...places), high = Math.max(...places);
    const gap = 0.5 * (high - low || 1);
    ends = [low - gap, high + gap];
  } else if (kind === "outputs") ends = heights;
  const across = scaled(...ends, LEFT, RIGHT), up = scaled(...heights, BOTTOM, TOP);
  const along = (row, k) => kind === "line" ? row[0] : kind === "circle" ? Math.atan2(row[1], row[0]) * 180 / Math.PI : y[k];
  return { kind, across, up, ends, heights, size, map: (row, k) => [across(along(row, k)), up(values[k])] };
}

export function graphStatic(question, axes) {
  const { across, up, ends, heights, kind } = axes;
  let text = "";
  for (const value of ticks(...heights)) {
    text += path([[LEFT, up(value)], [RIGHT, up(value)]], { class: "axis" });
    text += tag("text", { x: LEFT - 4, y: up(value) + 4, "text-anchor": "end" }, number(value));
  }
  for (const value of kind === "circle" ? [-180, -90, 0, 90, 180] : ticks(...ends)) {
    text += tag("text", { x: across(value), y: BOTTOM + 14, "text-anchor": "middle" }, number(value) + (kind === "circle" ? "°" : ""));
  }
  const name = { line: "x", circle: "direction", outputs: "target" }[kind];
  text += tag("text", { x: RIGHT, y: BOTTOM + 28, "text-anchor": "end" }, name);
  if (kind === "outputs") text += path([[across(ends[0]), up(ends[0])], [across(ends[1]), up(ends[1])]], { class: "reference" });
  else if (axes.best && question.runs[0].loss === "square") text += drawn(axes, z => axes.best[0] * z[0] + axes.best[1] * z[1], "reference", "least squares");
  const above = kind === "outputs" ? "" : pointMarks(question.x, question.y, axes.map, true);
  return { below: text, above };
}

export function graphMoving(question, axes, data, k, alpha) {
  const { m } = data.scene;
  if (axes.kind === "outputs") {
    const shown = data.fitted.length / data.t.length;
    let text = "";
    for (let p = 0; p < shown; p++) text += tag("circle", {
      cx: axes.across(question.y[p]), cy: Math.max(TOP, Math.min(BOTTOM, axes.up(data.fitted[k * shown + p]))), r: 3, class: `neuron ${question.y[p] >= 0 ? "plus" : "minus"}` });
    return text;
  }
  const neurons = [];
  for (let j = 0; j < m; j++) {
    const place = k * m + j, size = data.a[place] * 10 ** data.norms[place];
    if (size) neurons.push([data.directions[2 * place], data.directions[2 * place + 1], size]);
  }
  const f = ([x, y]) => {
    let sum = 0;
    for (const [u, v, size] of neurons) { const h = u * x + v * y; sum += size * (h > 0 ? h : alpha * h); }
    return sum;
  };
  return drawn(axes, f, "curve", "learned function");
}

function drawn({ kind, across, up, ends }, f, name, title) {
  const points = [];
  for (let k = 0; k <= GRID; k++) {
    const s = ends[0] + (ends[1] - ends[0]) * k / GRID, angle = s * Math.PI / 180;
    const value = up(f(kind === "line" ? [s, 1] : [Math.cos(angle), Math.sin(angle)]));
    points.push([across(s), Math.max(-1e4, Math.min(1e4, value))]);
  }
  return path(points, { class: name, "clip-path": "url(#inside)" }).replace("</path>", tag("title", {}, title) + "</path>");
}

// The linear function of least squares on points of the plane, and its loss; null where there is none.
export function leastSquares(rows, y) {
  let a = 0, b = 0, c = 0, p = 0, q = 0;
  rows.forEach(([u, v], k) => { a += u * u; b += u * v; c += v * v; p += u * y[k]; q += v * y[k]; });
  const det = a * c - b * b;
  if (!(det > 1e-12 * (a + c) ** 2)) return null;
  const best = [(c * p - b * q) / det, (a * q - b * p) / det];
  const loss = rows.reduce((sum, [u, v], k) => sum + (best[0] * u + best[1] * v - y[k]) ** 2, 0) / (2 * y.length);
  return { best, loss };
}
