// What leaves the page: pictures, weights, a stored run, a link.

import { ask } from "./server.js";

const STYLES = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family", "font-weight", "text-anchor"];

// The drawings of the views as one SVG that needs no style sheet.
export function picture(views) {
  const width = 740, gap = 10;
  let left = 0, height = 0, inner = "";
  for (const view of views) {
    let top = gap;
    for (const [part, x, size, w] of [["plane", 0, 360, 360], ["graph", 370, 360, 360], ["loss", 5, 230, 720]]) {
      const copy = styled(view.svg[part]);
      for (const [name, value] of Object.entries({ x: left + x + gap, y: top, width: w, height: size })) copy.setAttribute(name, value);
      inner += new XMLSerializer().serializeToString(copy);
      if (part !== "plane") top += size + gap;
    }
    left += width + gap;
    height = Math.max(height, top);
  }
  const back = getComputedStyle(document.body).backgroundColor;
  return { width: left, height, text: `<svg xmlns="http://www.w3.org/2000/svg" width="${left}" height="${height}" viewBox="0 0 ${left} ${height}"><rect width="100%" height="100%" fill="${back}"/>${inner}</svg>` };
}

function styled(svg) {
  const copy = svg.cloneNode(true), from = svg.querySelectorAll("*");
  copy.querySelectorAll("*").forEach((element, k) => {
    const style = getComputedStyle(from[k]);
    if (element.matches("path, circle, rect, text")) for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
    for (const name of ["class", "tabindex", "role", "aria-label", "data-point"]) element.removeAttribute(name);
  });
  copy.removeAttribute("class");
  return copy;
}

export async function image(views) {
  const { width, height, text } = picture(views), shown = new Image();
  shown.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await shown.decode();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d").drawImage(shown, 0, 0);
  return canvas.toDataURL("image/png").split(",")[1];
}

export async function film(views, told) {
  const images = [], count = 40, before = views.map(view => view.slider.value);
  for (let k = 0; k <= count; k++) {
    for (const view of views) { view.slider.value = Math.round(view.slider.max * k / count); view.draw(); }
    told(`drawing image ${k + 1} of ${count + 1}`);
    images.push(await image(views));
  }
  views.forEach((view, k) => { view.slider.value = before[k]; view.draw(); });
  return contentOf("film", JSON.stringify(images));
}

export async function contentOf(job, body) {
  let content = "";
  await ask(job, body, message => { content = message.content; });
  return content;
}

export function download(name, type, content, base64 = true) {
  const bytes = base64 ? Uint8Array.from(atob(content), letter => letter.charCodeAt(0)) : content;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

// The question in the address, so that a link restores it.
export const linked = question => btoa(unescape(encodeURIComponent(JSON.stringify(question)))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

// The question in a link, or null: a link may come from anywhere, so each part must be what it is for.
export function restored(hash, usual) {
  try {
    const { x, y, bias, runs } = JSON.parse(decodeURIComponent(escape(atob(hash.replace("#", "").replace(/-/g, "+").replace(/_/g, "/")))));
    const numbers = row => Array.isArray(row) && row.length > 0 && row.every(Number.isFinite);
    const fits = (value, known) => typeof value === "string" ? typeof known === "string" && /^[\w.+-]{1,40}$/.test(value)
      : typeof known !== "string" && (known === null && value === null || Number.isFinite(value));
    if (!(numbers(y) && x.length === y.length && x.every(row => numbers(row) && row.length === x[0].length))) return null;
    if (!(runs.length === 1 || runs.length === 2)) return null;
    const read = run => Object.fromEntries(Object.keys(usual).map(name => [name, fits(run[name], usual[name]) ? run[name] : usual[name]]));
    return { x, y, bias: bias === true, runs: runs.map(read) };
  } catch {
    return null;
  }
}
