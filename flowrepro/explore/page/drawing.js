// Small helpers for SVG written as text, axes and numbers.

export const SIZE = 360;

export function number(value, digits = 3) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(digits)));
  return value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
}

export function tag(name, attributes, inner = "") {
  const text = Object.entries(attributes).map(([key, value]) =>
    `${key}="${typeof value === "number" ? Math.round(value * 100) / 100 : escaped(value)}"`);
  return `<${name} ${text.join(" ")}>${inner}</${name}>`;
}

export function escaped(text) {
  return String(text).replace(/[&<>"]/g, sign => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);
}

export function path(points, attributes) {
  if (!points.length) return "";
  const d = points.map(([x, y], k) => `${k ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return tag("path", { d, ...attributes });
}

// Round values between two ends, about `count` of them.
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find(each => each * power >= rough) * power;
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high + 1e-9 * step; k++) found.push(k * step);
  return found;
}

export function scaled(low, high, from, to) {
  const unit = (to - from) / ((high - low) || 1);
  const found = value => from + (value - low) * unit;
  found.inverse = place => low + (place - from) / unit;
  return found;
}

// Where a pointer is, in the coordinates of a drawing.
export function place(svg, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
  return [point.x, point.y];
}
