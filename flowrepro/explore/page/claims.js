// Claims as lights: one for each, in the papers' order, and those that are judged in words.

import { escaped } from "./drawing.js";

export class Lights {
  constructor(section) {
    this.section = section;
    this.before = new Map();
  }

  waiting() { this.section.classList.add("waiting"); }

  show({ judged, outside, remarks }) {
    this.section.classList.remove("waiting");
    const now = new Map();
    for (const claim of judged) now.set(key(claim), claim.verdict);
    const changed = name => this.before.size > 0 && this.before.has(name) && this.before.get(name) !== (now.get(name) ?? "N/A");
    const absent = [...this.before.keys()].filter(name => !now.has(name) && this.before.get(name) !== "N/A");
    const reasons = new Map(outside.flatMap(([reason, ids]) => ids.map(id => [id, reason])));
    const lights = judged.map(claim => light(claim.verdict, `${claim.place}: ${claim.sentence}`, changed(key(claim))));
    for (const [reason, ids] of outside) for (const id of ids) lights.push(light("NA", `${id} does not apply: ${reason}`, false));
    this.section.querySelector("#lights").innerHTML = lights.join("");
    const count = verdict => judged.filter(claim => claim.verdict === verdict).length;
    const others = outside.reduce((sum, [, ids]) => sum + ids.length, 0);
    this.section.querySelector("#counts").textContent = `${count("PASS")} hold, ${count("FAIL")} fail, ${count("INFO")} are numbers; ${others} do not apply`;
    let text = remarks.map(remark => `<p class="soft">${escaped(remark)}</p>`).join("");
    if (absent.length) {
      text += `<p class="paper">No longer apply</p>` + absent.map(name => {
        const id = name.split(" ").pop(), old = this.sentences?.get(name) ?? id;
        return item("NA", old, "", `was ${this.before.get(name)}`, reasons.get(id) ?? "its hypotheses fail", true, name);
      }).join("");
    }
    const papers = [...new Set(judged.map(claim => paper(claim)))];
    for (const name of papers) {
      text += `<p class="paper">${escaped(name)}</p>`;
      const own = judged.filter(claim => paper(claim) === name);
      own.sort((a, b) => rank(a, changed) - rank(b, changed));
      for (const claim of own) {
        const numbers = [claim.place.split(", ").slice(1).join(", "), `${claim.measured} ${claim.bound}`.trim(), claim.ratio && `${claim.ratio} times within`].filter(Boolean).join(" · ");
        const was = changed(key(claim)) ? `was ${this.before.get(key(claim))}` : "";
        text += item(claim.verdict, claim.sentence, numbers, was, claim.note, was !== "", key(claim));
      }
    }
    text += outside.length ? `<p class="paper">Hypotheses that fail</p>` : "";
    for (const [reason, ids] of outside) {
      text += `<div class="claim">${light("NA", "", false)}<p>${escaped(reason)}</p><details><summary>${ids.length} ${ids.length === 1 ? "claim" : "claims"}</summary><p class="numbers">${ids.map(escaped).join(", ")}</p></details></div>`;
    }
    this.section.querySelector("#judged").innerHTML = text;
    this.sentences = new Map([...(this.sentences ?? []), ...judged.map(claim => [key(claim), claim.sentence])]);
    for (const name of this.before.keys()) if (!now.has(name)) now.set(name, "N/A");
    this.before = now;
  }

  clear() {
    this.before = new Map();
    this.section.querySelector("#judged").textContent = this.section.querySelector("#lights").textContent = this.section.querySelector("#counts").textContent = "";
  }
}

const paper = claim => claim.place.split(",")[0];
const key = claim => `${paper(claim)} ${claim.id}`;
const rank = (claim, changed) => ({ FAIL: 0, PASS: 2, INFO: 3 }[claim.verdict] - (changed(key(claim)) ? 1.5 : 0));
const light = (verdict, title, changed) => `<span class="light ${verdict}${changed ? " changed" : ""}" title="${escaped(title)}"></span>`;

function item(verdict, sentence, numbers, was, note, changed, name) {
  const words = { PASS: "holds", FAIL: "fails", INFO: "a number", NA: "does not apply" }[verdict];
  return `<div class="claim" data-claim="${escaped(name)}" data-verdict="${verdict}" title="${escaped(note)}">${light(verdict, words, changed)}
    <p>${escaped(sentence)}</p><p class="numbers"><b>${words}</b>${numbers ? ` · ${escaped(numbers)}` : ""}</p>
    ${was ? `<p class="was">${escaped(was)}${verdict === "NA" ? `: ${escaped(note)}` : ""}</p>` : ""}</div>`;
}
