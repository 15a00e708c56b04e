// The plane: points, the cones they cut, extremal vectors, and neurons in polar coordinates:
// direction, and the norm on a logarithmic axis from the inner to the outer circle.

import { SIZE, number, path, tag } from "./drawing.js";

const CENTRE = SIZE / 2, INNER = 26, OUTER = 150;
export const at = (angle, radius) => [CENTRE + radius * Math.cos(angle), CENTRE - radius * Math.sin(angle)];
export const unit = reach => OUTER / reach; // pixels per unit of the points

export function planeStatic(scene, points, labels, reach, draggable) {
  const edges = points.filter(([x, y]) => x || y).flatMap(([x, y]) => {
    const angle = Math.atan2(y, x);
    return [angle + Math.PI / 2, angle - Math.PI / 2];
  }).map(angle => (angle + 4 * Math.PI) % (2 * Math.PI)).sort((a, b) => a - b);
  let text = tag("circle", { cx: CENTRE, cy: CENTRE, r: OUTER, class: "frame" });
  if (scene.d === 2) edges.forEach((from, k) => {
    const to = k + 1 < edges.length ? edges[k + 1] : edges[0] + 2 * Math.PI;
    const [x1, y1] = at(from, OUTER), [x2, y2] = at(to, OUTER);
    if (k % 2) text += tag("path", {
      d: `M${CENTRE} ${CENTRE}L${x1} ${y1}A${OUTER} ${OUTER} 0 ${to - from > Math.PI ? 1 : 0} 0 ${x2} ${y2}Z`, class: "cone" });
    text += path([[CENTRE, CENTRE], [x1, y1]], { class: "edge" });
  });
  for (const { direction: [x, y], nature } of scene.extremal ?? []) {
    const angle = Math.atan2(y, x), far = OUTER + 8 * (Math.hypot(x, y) > 1e-6);
    const [u, v] = at(angle, far), s = 5;
    const shape = nature === "maximum" ? `M${u - s} ${v + s}L${u} ${v - s}L${u + s} ${v + s}Z`
      : nature === "minimum" ? `M${u - s} ${v - s}L${u} ${v + s}L${u + s} ${v - s}Z` : `M${u - s} ${v}L${u} ${v - s}L${u + s} ${v}L${u} ${v + s}Z`;
    text += tag("path", { d: shape, class: "extremal" }, tag("title", {}, `extremal vector, a ${nature}`));
  }
  return { below: text, above: pointMarks(points, labels, ([x, y]) => [CENTRE + x * unit(reach), CENTRE - y * unit(reach)], draggable) };
}

export function pointMarks(points, labels, map, draggable) {
  if (points.length > 400) draggable = false;
  return points.map((point, k) => {
    const [x, y] = map(point, k), size = points.length > 40 ? 4 : 8;
    const about = `point ${k + 1}, target ${number(labels[k])}`;
    const more = draggable ? { tabindex: 0, role: "button", "aria-label": `${about}; arrow keys move it, plus and minus change its target, Delete removes it` } : {};
    return tag("circle", { cx: x, cy: y, r: size, "data-point": k, class: `point ${labels[k] >= 0 ? "plus" : "minus"}${draggable ? "" : " fixed"}`, ...more }, tag("title", {}, about))
      + (size > 4 ? tag("text", { x, y: y + 3.5, class: "number" }, k + 1) : "");
  }).join("");
}

export function planeMoving(data, k, range) {
  const { m } = data.scene, radius = power => INNER + (OUTER - INNER) * Math.min(1, Math.max(0, (power - range[0]) / (range[1] - range[0])));
  const where = (moment, j) => {
    const place = moment * m + j, x = data.directions[2 * place], y = data.directions[2 * place + 1];
    return at(Math.atan2(y, x), radius(data.norms[place]) * Math.min(1, Math.hypot(x, y) + 1e-9));
  };
  let text = "";
  const step = Math.max(1, Math.ceil((range[1] - range[0]) / 4));
  for (let power = Math.ceil(range[0]); power <= range[1]; power += step) {
    text += tag("circle", { cx: CENTRE, cy: CENTRE, r: radius(power), class: "axis" });
    text += tag("text", { x: CENTRE + 3, y: CENTRE - radius(power) - 2 }, `1e${power}`);
  }
  for (let j = 0; j < m; j++) {
    if (m <= 100 && k > 0) {
      const trail = [];
      for (let moment = 0; moment <= k; moment++) trail.push(where(moment, j));
      text += path(trail, { class: `trail ${kind(data, k, j)}` });
    }
  }
  for (let j = 0; j < m; j++) {
    const [x, y] = where(k, j);
    text += tag("circle", { cx: x, cy: y, r: 4, class: `neuron ${kind(data, k, j)}` });
  }
  return text;
}

// A flow says when a neuron dies; of a descent it is seen that a neuron is active on no point.
function kind(data, k, j) {
  const { scene, points, directions } = data, place = 2 * (k * scene.m + j);
  const silent = scene.steps > 0 && scene.d === 2 && scene.alpha === 0
    && points.every(([x, y]) => directions[place] * x + directions[place + 1] * y <= 0);
  if (silent || data.dead[j] <= data.t[k]) return "dead";
  return data.a[k * data.scene.m + j] >= 0 && !(Object.is(data.a[k * data.scene.m + j], -0)) ? "plus" : "minus";
}

// The powers of ten between which all norms of the run lie, whole and at least two apart.
export function normRange(norms) {
  let low = Infinity, high = -Infinity;
  for (const value of norms) if (value > -1e29) { low = Math.min(low, value); high = Math.max(high, value); }
  if (!(high > -Infinity)) return [-1, 1];
  low = Math.floor(low); high = Math.ceil(high);
  return [Math.min(low, high - 2), high];
}
