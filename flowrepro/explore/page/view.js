// One run on the page: its plane, its function, its loss, and the time that is shown.

import { SIZE, number, place } from "./drawing.js";
import { graphAxes, graphMoving, graphStatic, leastSquares } from "./graph.js";
import { HIGH, WIDE, lossAxes, lossMoving, lossStatic } from "./loss.js";
import { normRange, planeMoving, planeStatic, unit } from "./plane.js";
import { unpacked } from "./server.js";

export class View {
  constructor(parent, editor) {
    this.editor = editor; // question(), run(), moved(k, row, target), settled(), keyed(event, k), added(row)
    this.root = document.createElement("section");
    this.root.className = "view";
    this.root.innerHTML = `<h3></h3>
      <figure data-part="plane"><svg viewBox="0 0 ${SIZE} ${SIZE}" role="group" aria-label="Points and neurons"><g class="below"></g><g class="moving"></g><g class="above"></g></svg>
        <figcaption>Points (numbered), the cones they cut, extremal vectors (triangles), and neurons: direction, and norm on a log axis. Blue: a &gt; 0, orange: a &lt; 0, grey: dead.</figcaption></figure>
      <figure data-part="graph"><svg viewBox="0 0 ${SIZE} ${SIZE}" role="group" aria-label="Learned function"><clipPath id="inside"><rect x="40" y="8" width="300" height="320"/></clipPath><g class="below"></g><g class="moving"></g><g class="above"></g></svg>
        <figcaption></figcaption></figure>
      <figure class="whole" data-part="loss"><svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label="Loss over flow time"><g class="below"></g><g class="moving"></g></svg>
        <figcaption>Loss; shaded where it rests. Ticks: a neuron crosses a hyperplane, slides along one, dies.</figcaption></figure>
      <div class="time whole"><button type="button" class="play">Play</button>
        <input type="range" min="0" max="0" value="0" aria-label="Time that is shown"><button type="button" class="axis-kind" aria-pressed="true">log time</button></div>
      <p class="state whole" aria-live="off"></p>`;
    parent.append(this.root);
    this.svg = {};
    for (const figure of this.root.querySelectorAll("figure")) this.svg[figure.dataset.part] = figure.querySelector("svg");
    this.slider = this.root.querySelector("input");
    this.slider.oninput = () => { this.stop(); this.draw(); };
    this.root.querySelector(".play").onclick = () => this.playing ? this.stop() : this.play();
    this.logarithmic = true;
    this.root.querySelector(".axis-kind").onclick = event => {
      this.logarithmic = !this.logarithmic;
      event.target.setAttribute("aria-pressed", this.logarithmic);
      this.lay();
    };
    this.reach = 1;
    for (const part of ["plane", "graph"]) this.listen(part);
  }

  // ---- points under the pointer and the keyboard

  listen(part) {
    const svg = this.svg[part];
    const grabbed = event => event.target.closest?.("[data-point]:not(.fixed)");
    svg.addEventListener("pointerdown", event => {
      const mark = grabbed(event);
      if (!mark || !this.data) return;
      event.preventDefault();
      this.held = { part, k: Number(mark.dataset.point) };
      svg.setPointerCapture(event.pointerId);
      mark.focus();
    });
    svg.addEventListener("pointermove", event => {
      if (this.held?.part !== part) return;
      this.editor.moved(this.held.k, ...this.meant(part, this.held.k, place(svg, event)), event.timeStamp);
    });
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => {
      if (this.held) { this.held = null; this.editor.settled(); }
    });
    svg.addEventListener("keydown", event => {
      const mark = grabbed(event);
      if (mark) this.editor.keyed(event, Number(mark.dataset.point), this.reach / 50);
    });
    svg.addEventListener("dblclick", event => {
      const mark = grabbed(event), question = this.editor.question();
      if (mark) this.editor.relabelled(Number(mark.dataset.point));
      else if (this.data?.scene.d === 2) this.editor.added(...this.meant(part, question.x.length, place(svg, event)));
    });
  }

  // The point and the target that a place in a drawing means; what it does not say stays.
  meant(part, k, [u, v]) {
    const question = this.editor.question(), old = question.x[k] ?? (question.bias ? [0] : [1, 0]), target = question.y[k] ?? 1;
    const fine = value => Number(value.toPrecision(3));
    if (part === "plane") {
      const x = fine((u - SIZE / 2) / unit(this.reach)), y = fine((SIZE / 2 - v) / unit(this.reach));
      return [question.bias ? [x] : [x, y], target];
    }
    const axes = this.axes, height = fine(axes.up.inverse(v));
    const label = question.runs[0].loss === "square" ? height : Math.sign(height) || 1;
    if (axes.kind === "line") return [[fine(axes.across.inverse(u))], label];
    return [old, question.runs[0].loss === "square" ? fine(height * Math.hypot(...old)) : label];
  }

  // ---- what the server tells

  begin(scene) {
    const plane = unpacked(scene.plane), flat = unpacked(scene.points);
    const points = Array.from({ length: scene.n }, (_, k) => [flat[2 * k], flat[2 * k + 1]]);
    const empty = new Float32Array(0);
    this.next = { scene, plane, points, t: empty, loss: empty, a: empty, norms: empty, directions: empty, fitted: empty, events: [], dead: new Float64Array(scene.m).fill(Infinity) };
  }

  add(message) {
    const data = this.next;
    for (const name of ["t", "loss", "a", "norms", "directions", "fitted"]) {
      if (!message[name]) continue;
      const more = unpacked(message[name]), both = new Float32Array(data[name].length + more.length);
      both.set(data[name]);
      both.set(more, data[name].length);
      data[name] = both;
    }
    const [times, neurons, kinds] = message.events;
    times.forEach((t, k) => {
      const kind = message.kinds[kinds[k]];
      data.events.push({ t, neuron: neurons[k], kind });
      if (kind === "death") data.dead[neurons[k]] = t;
    });
  }

  // Show what has come; the time that was shown stays at its share of the run.
  show() {
    if (!this.next?.t.length) return;
    const share = this.data && this.data.t.length > 1 ? this.slider.value / this.slider.max : 1;
    this.data = this.next;
    const last = this.data.t.length - 1;
    this.slider.max = last;
    this.slider.value = Math.round((Number.isFinite(share) ? share : 1) * last);
    this.lay();
  }

  extremal(vectors) {
    this.next.scene.extremal = vectors;
    if (this.data === this.next) this.fill("plane", "below", this.plane().below);
  }

  plane() {
    const { data } = this;
    return planeStatic(data.scene, data.points, this.editor.question().y, this.reach, data.scene.d === 2);
  }

  // ---- drawing

  lay() {
    const { data } = this, question = this.editor.question();
    if (!data) return;
    if (!this.held || !this.axes) {
      this.reach = 1.12 * Math.max(...data.points.map(([x, y]) => Math.hypot(x, y)), 1e-9);
      this.axes = graphAxes(question, data.scene);
    } else { // the axes rest while a point is moved
      const fresh = graphAxes(question, data.scene), { across, up, ends, heights } = this.axes;
      this.axes = { ...fresh, across, up, ends, heights };
      const size = fresh.size;
      this.axes.map = (row, k) => [across(fresh.kind === "line" ? row[0] : Math.atan2(row[1], row[0]) * 180 / Math.PI), up(fresh.kind === "circle" ? question.y[k] / size[k] : question.y[k])];
    }
    const squares = data.scene.d === 2 ? leastSquares(data.points, question.y) : null;
    this.axes.best = squares?.best;
    this.squares = squares?.loss;
    this.range = normRange(data.norms);
    const plane = this.plane(), graph = graphStatic(question, this.axes), wide = this.root.clientWidth < 480 ? 400 : WIDE;
    this.svg.loss.setAttribute("viewBox", `0 0 ${wide} ${HIGH}`);
    this.lossAxes = lossAxes(data, this.logarithmic, wide);
    this.fill("plane", "below", plane.below);
    this.fill("plane", "above", plane.above);
    this.fill("graph", "below", graph.below);
    this.fill("graph", "above", graph.above);
    this.fill("loss", "below", lossStatic(data, this.lossAxes));
    this.svg.graph.parentNode.querySelector("figcaption").textContent = {
      line: "The learned function; drag a point to move it or its target.",
      circle: "The learned function over directions of the plane, at distance 1.",
      outputs: "Outputs against targets. The plane shows the principal plane of the points, read-only.",
    }[this.axes.kind] + (this.axes.best && this.editor.run().loss === "square" ? " Dashed: least squares." : "");
    this.draw();
  }

  draw() {
    if (!this.data) return;
    const k = Number(this.slider.value), question = this.editor.question(), { data } = this;
    this.fill("plane", "moving", planeMoving(data, k, this.range));
    this.fill("graph", "moving", graphMoving(question, this.axes, data, k, this.editor.run().alpha));
    this.fill("loss", "moving", lossMoving(data, this.lossAxes, k));
    const loss = data.loss[k], ratio = this.squares > 1e-12 && this.editor.run().loss === "square" ? `, ${number(loss / this.squares)} times that of least squares` : "";
    const before = data.events.filter(event => event.t <= data.t[k]).length;
    this.root.querySelector(".state").textContent = `t = ${number(data.t[k])}: loss ${number(loss)}${ratio}; ${before} events so far${data.scene.t < 0.9 * data.scene.advised ? `; a start as small needs about t = ${number(data.scene.advised)}` : ""}`;
    this.slider.setAttribute("aria-valuetext", `t = ${number(data.t[k])}`);
  }

  // Focus stays where it is while the marks are drawn anew.
  fill(part, layer, text) {
    const group = this.svg[part].querySelector(`.${layer}`), focused = group.contains(document.activeElement) ? document.activeElement.dataset.point : null;
    group.innerHTML = text;
    if (focused !== null) group.querySelector(`[data-point="${focused}"]`)?.focus();
  }

  play() {
    if (!this.data) return;
    if (Number(this.slider.value) >= Number(this.slider.max)) this.slider.value = 0;
    this.root.querySelector(".play").textContent = "Pause";
    this.playing = setInterval(() => {
      this.slider.value = Number(this.slider.value) + 1;
      this.draw();
      if (Number(this.slider.value) >= Number(this.slider.max)) this.stop();
    }, 50);
  }

  stop() {
    clearInterval(this.playing);
    this.playing = null;
    this.root.querySelector(".play").textContent = "Play";
  }
}
