// The page: one question (points, and the settings of one run or two), its answers, and the hands
// that change it. A change ends the computations under way.

import { Lights } from "./claims.js";
import { changed, fillPoints, fillSettings, refreshPoints } from "./controls.js";
import { contentOf, download, film, image, linked, picture, restored } from "./exports.js";
import { Refused, ask } from "./server.js";
import { View } from "./view.js";

const RUN = { width: 30, init: "balanced", scale: "1e-4", seed: 0, loss: "square", alpha: 0, engine: "flow", lr: null, t: null };
const SHARED = ["loss"];
const FIRST = "boursier2024/figure-2";
const REST = 150, PATIENCE = 250, EARLY = 120, LONGEST_LINK = 20000; // milliseconds; letters
const page = id => document.getElementById(id);

const state = { question: null, current: 0 };
const runs = []; // one Running for each run of the question
const lights = new Lights(page("claims"));
let judging = null, rest = null, complained = false; // whether the alert is of a run

// ---- computing

class Running {
  constructor(index) {
    this.index = index;
    this.view = new View(page("views"), { ...editor, run: () => state.question.runs[index] ?? RUN });
  }

  // Compute anew: at once, or as soon as the picture under way is there, if that is soon.
  renew(since = performance.now()) {
    this.since ??= since;
    if (this.busy && performance.now() - this.started < PATIENCE) { this.again = true; return; }
    this.abort?.abort();
    this.compute();
  }

  async compute() {
    const abort = this.abort = new AbortController(), { view, since } = this;
    this.busy = true;
    this.again = false;
    this.since = null;
    this.started = performance.now();
    let shown = 0, regular = true;
    try {
      await ask("train", asked(this.index), message => {
        if (abort.signal.aborted) return;
        if (message.kind === "scene") view.begin(message);
        if (message.kind === "moments") {
          view.add(message);
          if (performance.now() - this.started > EARLY && performance.now() - shown > EARLY) { view.show(); shown = performance.now(); }
        }
        if (message.kind === "stop") { regular = message.regular; this.stopped(message, since); }
        if (message.kind === "extremal") view.extremal(message.vectors);
      }, abort.signal);
      if (complained && regular) alerted("");
    } catch (error) {
      if (error.name !== "AbortError") { failed(error); complained = true; }
    }
    if (this.abort === abort) {
      this.busy = false;
      if (this.again) this.compute();
    }
  }

  stopped(message, since) {
    this.view.show();
    const took = performance.now() - (since ?? this.started);
    page("speed").textContent = `drawn ${Math.round(took)} ms after the change; the engine took ${Math.round(1000 * message.wall_s)} ms`;
    document.documentElement.dataset.took = took.toFixed(1);
    document.documentElement.dataset.drawn = Number(document.documentElement.dataset.drawn ?? 0) + 1;
    const run = state.question.runs[this.index];
    this.view.root.querySelector("h3").textContent = state.question.runs.length > 1 ? `${"AB"[this.index]}: ${run.engine === "flow" ? "flow" : `descent, step ${message.lr ?? run.lr ?? ""}`}, scale ${run.scale}, ${run.width} neurons, seed ${run.seed}` : "";
    if (!message.regular) { alerted(`The run ended early: ${message.note}`); complained = true; }
    if (this.index === state.current) { page("command").textContent = message.command; page("python").textContent = message.python; }
  }
}

const asked = index => {
  const { x, y, bias, runs: settings } = state.question;
  return JSON.stringify({ x, y, bias, ...settings[index] });
};

function renew(since, which = null) {
  runs.forEach((running, k) => { if (which === null || which === k) running.renew(since); });
  judging?.abort();
  judging = null;
  lights.waiting();
  clearTimeout(rest);
  rest = setTimeout(judge, REST);
}

async function judge() {
  if (runs.some(running => running.busy)) { rest = setTimeout(judge, 50); return; }
  const abort = judging = new AbortController(), text = linked(state.question);
  history.replaceState(null, "", text.length < LONGEST_LINK ? `#${text}` : location.pathname);
  try {
    await ask("judge", asked(state.current), message => { if (!abort.signal.aborted && message.kind === "claims") lights.show(message); }, abort.signal);
    document.documentElement.dataset.judged = Number(document.documentElement.dataset.judged ?? 0) + 1;
  } catch (error) {
    if (error.name !== "AbortError") failed(error);
  }
}

function failed(error) {
  if (!(error instanceof Refused)) console.error(error);
  const sentence = error.message.replace(/^[a-z]+ /, word => word[0].toUpperCase() + word.slice(1));
  alerted(sentence + (sentence.endsWith(".") ? "" : "."));
  page("claims").classList.remove("waiting");
}

function alerted(sentence) {
  complained = false;
  page("alert").textContent = sentence;
  page("alert").hidden = !sentence;
}

// ---- the question

function begin(question, note = "") {
  state.question = question;
  state.current = 0;
  page("note").textContent = note;
  lights.clear();
  for (const running of runs.splice(0)) { running.abort?.abort(); running.view.stop(); running.view.root.remove(); }
  question.runs.forEach((_, k) => runs.push(new Running(k)));
  settle();
  renew();
}

const opened = (found, note) => {
  const { x, y, bias = false, ...settings } = found;
  begin({ x, y, bias, runs: [{ ...RUN, ...settings }] }, note);
};

function settle() {
  const { question, current } = state;
  page("views").classList.toggle("double", question.runs.length > 1);
  page("tabs").innerHTML = question.runs.length > 1
    ? question.runs.map((_, k) => `<button type="button" data-tab="${k}" aria-pressed="${k === current}">Run ${"AB"[k]}</button>`).join("") + `<button type="button" data-single>Only A</button>`
    : `<button type="button" data-compare>Compare with a second run</button>`;
  fillSettings(page("settings"), question.runs[current], question.bias, question.x[0].length <= 2);
  fillPoints(page("points"), question);
}

const editor = {
  question: () => state.question,
  moved(k, row, target, since) {
    const { x, y } = state.question;
    if (k >= x.length || (String(x[k]) === String(row) && y[k] === target)) return;
    x[k] = row;
    y[k] = target;
    refreshPoints(page("points"), state.question);
    renew(since);
  },
  settled() { for (const running of runs) running.view.lay(); },
  keyed(event, k, step) {
    const { x, y, bias } = state.question, row = [...x[k]], fine = value => Number(value.toFixed(6));
    const [across, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key] ?? [0, 0];
    if (event.key === "Delete" || event.key === "Backspace") { event.preventDefault(); removed(k); return; }
    let target = y[k];
    const by = step * (event.shiftKey ? 10 : 1), square = state.question.runs[0].loss === "square";
    if (event.key === "+" || event.key === "-") target = square ? fine(target + (event.key === "+" ? step : -step)) : event.key === "+" ? 1 : -1;
    else if (across || up) row.forEach((value, c) => { row[c] = fine(value + by * (c ? up : across)); });
    else return;
    if (bias && row.length === 1 && up && square) target = fine(target + by * up);
    event.preventDefault();
    this.moved(k, row, target, performance.now());
  },
  added(row, target) {
    state.question.x.push(row);
    state.question.y.push(target);
    settle();
    renew();
  },
  relabelled(k) {
    state.question.y[k] = -state.question.y[k];
    settle();
    renew();
  },
};

function removed(k) {
  if (state.question.x.length < 2) { alerted("At least one point stays."); return; }
  state.question.x.splice(k, 1);
  state.question.y.splice(k, 1);
  settle();
  renew();
}

// ---- hands

page("settings").addEventListener("submit", event => event.preventDefault());
page("settings").addEventListener("input", event => {
  const input = event.target, found = changed(input), { question, current } = state;
  if (typeof found === "string") { input.setCustomValidity(found); alerted(found[0].toUpperCase() + found.slice(1) + "."); return; }
  input.setCustomValidity("");
  alerted("");
  const [name, value] = found, form = page("settings");
  if (name === "bias") {
    const d = question.x[0].length;
    if (d !== 1 && d !== 2) return;
    question.bias = value;
    if (!value && d === 1) question.x = question.x.map(row => [...row, 1]);
    if (value && d === 2) question.x = question.x.map(row => [row[0]]);
    settle();
  } else {
    question.runs.forEach((run, k) => { if (k === current || SHARED.includes(name)) run[name] = value; });
    if (name === "loss" && value !== "square") question.y = question.y.map(target => target >= 0 ? 1 : -1);
    if (name === "loss") refreshPoints(page("points"), question);
    if (name === "scale" && input.name === "position") form.scale.value = value;
    if (name === "engine") form.lr.disabled = value === "flow";
    const output = input.parentNode.querySelector("output");
    if (output) output.textContent = value;
  }
  renew(event.timeStamp, name === "bias" || SHARED.includes(name) ? null : current);
});

page("tabs").addEventListener("click", event => {
  const { question } = state, { tab, compare, single } = event.target.dataset;
  if (tab !== undefined) { state.current = Number(tab); settle(); renew(); }
  if (compare !== undefined) {
    const twin = { ...question.runs[0] };
    if (twin.engine === "flow" && !/e-\d{3}/.test(twin.scale)) twin.engine = "descent"; else twin.seed += 1;
    question.runs.push(twin);
    state.current = 1;
    runs.push(new Running(1));
    settle();
    renew();
  }
  if (single !== undefined) begin({ ...question, runs: question.runs.slice(0, 1) }, page("note").textContent);
});

page("points").addEventListener("input", event => {
  const [k, c] = event.target.dataset.cell.split(" ").map(Number), value = event.target.valueAsNumber, { x, y } = state.question;
  if (!Number.isFinite(value)) return;
  const row = [...x[k]], target = c < row.length ? y[k] : value;
  if (c < row.length) row[c] = value;
  editor.moved(k, row, target, event.timeStamp);
});
page("points").addEventListener("click", event => {
  if (event.target.dataset.remove !== undefined) removed(Number(event.target.dataset.remove));
  if (event.target.dataset.add !== undefined) editor.added(state.question.x[0].map((_, c) => c ? 0.5 : 1), 1);
});

page("presets").addEventListener("change", event => { if (event.target.value) preset(event.target.value); });

async function preset(name) {
  page("presets").value = name;
  try {
    await ask(`preset/${encodeURIComponent(name)}`, "", message => opened(message.ask, message.note));
  } catch (error) { failed(error); }
}

async function file(chosen) {
  if (!chosen) return;
  try {
    if (chosen.size > 8e6) throw new Refused(`${chosen.name} has more than 8 MB; the page takes small files, 'flowrepro train FILE' any`);
    await ask(`points/${encodeURIComponent(chosen.name)}`, await chosen.arrayBuffer(), message => { page("presets").value = ""; opened(message.ask, message.note); });
  } catch (error) { failed(error); }
}

page("file").addEventListener("change", event => { file(event.target.files[0]); event.target.value = ""; });
for (const kind of ["dragover", "dragleave", "drop"]) document.addEventListener(kind, event => {
  event.preventDefault();
  document.body.classList.toggle("drop", kind === "dragover");
  if (kind === "drop") file(event.dataTransfer.files[0]);
});

const EXPORTS = {
  link: async () => { await navigator.clipboard.writeText(`${location.href.split("#")[0]}#${linked(state.question)}`); return "The link is copied; it works while this server runs, and its part after # with any later one."; },
  png: async views => { download("flow.png", "image/png", await image(views)); return "flow.png is downloaded."; },
  svg: async views => { download("flow.svg", "image/svg+xml", picture(views).text, false); return "flow.svg is downloaded."; },
  gif: async (views, told) => { download("flow.gif", "image/gif", await film(views, told)); return "flow.gif is downloaded."; },
  npz: async () => { download("weights.npz", "application/octet-stream", await contentOf("weights", asked(state.current))); return "weights.npz is downloaded: W, a and log_weights at the end of the run."; },
  save: async () => {
    let told = "";
    await ask("save", asked(state.current), message => { told = `The run is in ${message.folder}; again: ${message.command}`; });
    return told;
  },
};

page("exports").addEventListener("click", async event => {
  const name = event.target.dataset.export, told = sentence => { page("exported").textContent = sentence; };
  if (!name) return;
  event.target.disabled = true;
  try {
    told(await EXPORTS[name](runs.map(running => running.view), told));
  } catch (error) { failed(error instanceof Error ? error : new Refused(String(error))); }
  event.target.disabled = false;
});

addEventListener("hashchange", () => { const found = restored(location.hash, RUN); if (found) begin(found); });

// ---- the start

async function start() {
  page("note").textContent = "The engines are warming up. This takes some seconds, and minutes the first time on a machine.";
  const found = restored(location.hash, RUN);
  if (location.hash && !found) alerted("The link does not hold a state of this page; it starts anew.");
  let opening = null;
  await ask("start", "", message => {
    if (message.kind === "question") opening = message;
    if (message.kind !== "presets") return;
    const papers = [...new Set(message.presets.map(one => one.paper))];
    for (const paper of papers) {
      const group = Object.assign(document.createElement("optgroup"), { label: paper });
      for (const one of message.presets.filter(each => each.paper === paper)) {
        group.append(Object.assign(document.createElement("option"), { value: one.name, textContent: `${one.name.split("/")[1]} (${one.figures.length > 1 ? "figures" : "figure"} ${one.figures.join(", ")})`, title: one.shows }));
      }
      page("presets").append(group);
    }
  });
  if (found) begin(found);
  else if (opening) opened(opening.ask, opening.note);
  else await preset(FIRST);
}

start().catch(failed);
