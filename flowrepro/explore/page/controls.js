// The settings of a run, and the table of the points.

import { escaped } from "./drawing.js";

const LOSSES = { square: "square", logistic: "logistic", logistic2: "logistic, doubled", exp: "exponential" };
const INITS = ["balanced", "gaussian", "dominated", "unit-output", "he"];
const options = (values, chosen) => Object.entries(values).map(([value, name]) => `<option value="${value}"${value === chosen ? " selected" : ""}>${name}</option>`).join("");

// The slider of the scale: 0 to 300 for 1e-1 to 1e-1000, logarithmic in the exponent.
export const scaleAt = position => {
  const power = -(10 ** (position / 100));
  return power > -12 ? Number((10 ** power).toPrecision(2)).toExponential() : `1e${Math.round(power)}`;
};
export const positionOf = scale => {
  const [digits, power] = scale.toLowerCase().split("e"), exponent = Math.log10(Number(digits)) + Number(power ?? 0);
  return Math.round(100 * Math.log10(Math.min(1000, Math.max(1, -exponent))));
};

export function fillSettings(form, run, bias, plane) {
  form.innerHTML = `
    <label class="whole">Scale of the start <input name="scale" inputmode="decimal" value="${escaped(run.scale)}" aria-describedby="scale-range">
      <input name="position" type="range" min="0" max="300" value="${positionOf(run.scale)}" aria-label="Scale, from 1e-1 to 1e-1000" id="scale-range"></label>
    <label class="whole">Neurons <output>${run.width}</output><input name="width" aria-label="Neurons" type="range" min="1" max="200" value="${run.width}"></label>
    <label class="whole">Slope of the leaky part <output>${run.alpha}</output><input name="alpha" aria-label="Slope of the leaky part" type="range" min="0" max="0.95" step="0.05" value="${run.alpha}"></label>
    <label>Loss <select name="loss">${options(LOSSES, run.loss)}</select></label>
    <label>Start <select name="init">${options(Object.fromEntries(INITS.map(name => [name, name])), run.init)}</select></label>
    <label>Seed <input name="seed" type="number" min="0" step="1" value="${run.seed}"></label>
    <label>Engine <select name="engine">${options({ flow: "flow", descent: "descent" }, run.engine)}</select></label>
    <label>Time to <input name="t" inputmode="decimal" placeholder="chosen" value="${run.t ?? ""}"></label>
    <label>Step <input name="lr" inputmode="decimal" placeholder="chosen" value="${run.lr ?? ""}"${run.engine === "flow" ? " disabled" : ""}></label>
    <label class="whole"><input name="bias" type="checkbox"${bias ? " checked" : ""}${plane ? "" : " disabled"}> constant feature 1 (bias)</label>`;
}

// What an input changes: [name, value], or a sentence on why it cannot be used.
export function changed(input) {
  const { name, value } = input;
  if (name === "bias") return [name, input.checked];
  if (name === "position") return ["scale", scaleAt(Number(value))];
  if (name === "scale") {
    if (!/^\d*\.?\d+(e[-+]?\d{1,5})?$/i.test(value) || !(parseFloat(value) > 0)) return "the scale must be a positive number such as 1e-4 or 1e-1000";
    return [name, value];
  }
  if (name === "t" || name === "lr") {
    if (value === "") return [name, null];
    return Number(value) > 0 && Number.isFinite(Number(value)) ? [name, Number(value)] : "give a positive number, or nothing to have one chosen";
  }
  if (name === "seed" || name === "width") return /^\d{1,15}$/.test(value) ? [name, Number(value)] : "give a whole number that is not negative";
  return [name, name === "alpha" ? Number(value) : value];
}

export function fillPoints(parent, question) {
  const d = question.x[0].length;
  if (d > 2) {
    parent.innerHTML = `<p class="soft">${question.x.length} points in dimension ${d}; they are shown, not moved.</p>`;
    return;
  }
  const name = c => d === 1 ? "x" : `x${c + 1}`, shown = question.x.slice(0, 60);
  const row = (values, k) => `<tr><td>${k + 1}</td>${values.map((value, c) => `<td><input type="number" step="any" data-cell="${k} ${c}" aria-label="${name(c)} of point ${k + 1}" value="${value}"></td>`).join("")}<td><button type="button" data-remove="${k}" aria-label="Remove point ${k + 1}">×</button></td></tr>`;
  parent.innerHTML = `<table><thead><tr><th></th>${[...Array(d).keys()].map(c => `<th>${name(c)}</th>`).join("")}<th>target</th><th></th></tr></thead>
    <tbody>${shown.map((values, k) => row([...values, question.y[k]], k)).join("")}</tbody></table>
    <p class="buttons"><button type="button" data-add>Add a point</button></p>`;
}

// Numbers of the table that moved, without touching the one that is typed in.
export function refreshPoints(parent, question) {
  for (const input of parent.querySelectorAll("[data-cell]")) {
    const [k, c] = input.dataset.cell.split(" ").map(Number);
    if (input !== document.activeElement) input.value = [...question.x[k], question.y[k]][c];
  }
}
