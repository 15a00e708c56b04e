// Claims as lights: one for each, in the papers' order, and those that are judged in words.

import { escaped } from "./drawing.js";

const WORDS = { PASS: "holds", FAIL: "fails", INFO: "a number", "N/A": "does not apply" };
const RANK = { FAIL: 0, PASS: 2, INFO: 3 };
const paper = claim => claim.place.split(", ")[0];
const key = claim => `${paper(claim)} ${claim.id}`;

export class Lights {
  constructor(section) {
    this.section = section;
    this.clear();
  }

  waiting() { this.section.classList.add("waiting"); }

  show({ lights, remarks }) {
    const { before, last } = this, now = new Map(lights.map(claim => [key(claim), claim.verdict]));
    const changed = claim => before.size > 0 && before.get(key(claim)) !== claim.verdict;
    const judged = lights.filter(claim => claim.verdict !== "N/A"), others = lights.filter(claim => claim.verdict === "N/A");
    const count = verdict => lights.filter(claim => claim.verdict === verdict).length;
    const was = claim => {
      const old = claim.verdict === "N/A" ? last.get(key(claim)) : changed(claim) && before.get(key(claim));
      return old ? `before: ${WORDS[old]}` : "";
    };
    const lost = others.filter(was), papers = [...new Set(judged.map(paper))], reasons = new Map();
    for (const claim of others) reasons.set(claim.note, [...(reasons.get(claim.note) ?? []), claim]);
    let text = remarks.map(remark => `<p class="soft">${escaped(remark)}</p>`).join("");
    if (lost.length) text += title("No longer apply") + lost.map(claim => item(claim, was(claim), changed(claim))).join("");
    for (const name of papers) {
      const own = judged.filter(claim => paper(claim) === name).sort((a, b) => RANK[a.verdict] - 1.5 * changed(a) - RANK[b.verdict] + 1.5 * changed(b));
      text += title(name) + own.map(claim => item(claim, was(claim), changed(claim))).join("");
    }
    if (reasons.size) text += title("Hypotheses that fail");
    for (const [reason, claims] of reasons) {
      text += `<div class="claim">${light("N/A", "", false)}<p>${escaped(reason)}</p><details><summary>${claims.length} ${claims.length === 1 ? "claim" : "claims"}</summary>
        <p class="numbers">${claims.map(claim => `${escaped(claim.place)}: ${escaped(claim.sentence)}`).join("<br>")}</p></details></div>`;
    }
    this.section.classList.remove("waiting");
    this.section.querySelector("#lights").innerHTML = lights.map(claim => light(claim.verdict, `${claim.place}: ${claim.sentence}`, changed(claim))).join("");
    this.section.querySelector("#counts").textContent = `${count("PASS")} hold, ${count("FAIL")} fail, ${count("INFO")} are numbers; ${count("N/A")} do not apply`;
    this.section.querySelector("#judged").innerHTML = text;
    this.before = now;
    for (const claim of judged) last.set(key(claim), claim.verdict);
  }

  clear() {
    this.before = new Map();
    this.last = new Map();
    for (const id of ["lights", "counts", "judged"]) this.section.querySelector(`#${id}`).textContent = "";
  }
}

const title = text => `<p class="paper">${escaped(text)}</p>`;
const light = (verdict, about, changed) => `<span class="light ${verdict.replace("/", "")}${changed ? " changed" : ""}" title="${escaped(about)}"></span>`;

function item(claim, was, changed) {
  const place = claim.place.split(", ").slice(1).join(", "), applies = claim.verdict !== "N/A";
  const slack = claim.ratio && `slack ${claim.ratio.replace(" loose", ", loose")}`;
  const numbers = (applies ? [place, `${claim.measured} ${claim.bound}`.trim(), slack] : [place, claim.note]).filter(Boolean).join(" · ");
  return `<div class="claim" data-claim="${escaped(key(claim))}" data-verdict="${claim.verdict}" title="${escaped(claim.note)}">${light(claim.verdict, WORDS[claim.verdict], changed)}
    <p>${escaped(claim.sentence)}</p><p class="numbers"><b>${WORDS[claim.verdict]}</b> · ${escaped(numbers)}</p>
    ${was ? `<p class="was">${escaped(was)}</p>` : ""}</div>`;
}
