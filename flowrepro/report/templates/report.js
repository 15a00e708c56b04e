// Filters the page and enlarges images. Without it the page shows everything, and images are links.
const form = document.forms[0], dialog = document.querySelector("dialog");
const sections = [...document.querySelectorAll("main section")];
const words = new Map();
const holds = (element, text) => {
  if (!words.has(element)) words.set(element, element.textContent.toLowerCase());
  return words.get(element).includes(text);
};

function filter() {
  const text = form.text.value.trim().toLowerCase();
  const verdict = form.verdict.value, paper = form.paper.value;
  let claims = 0, runs = 0;
  for (const section of sections) {
    const belongs = !paper || section.dataset.paper === paper;
    const named = holds(section.querySelector("h3"), text);
    let some = belongs && named && !verdict;
    for (const item of section.querySelectorAll("[data-item]")) {
      const fits = !verdict || item.dataset.item === verdict;
      item.hidden = !(belongs && fits && (named || holds(item, text)));
      some ||= !item.hidden;
      claims += !item.hidden && item.dataset.item !== "";
    }
    for (const table of section.querySelectorAll("table.items"))
      table.hidden = !table.querySelector("[data-item]:not([hidden])");
    section.hidden = !some;
    runs += some && section.id !== "";
  }
  for (const chapter of document.querySelectorAll("article"))
    chapter.hidden = !chapter.querySelector("section:not([hidden])");
  form.querySelector("output").textContent = `${claims} claims of ${runs} runs`;
}

form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", event => event.preventDefault());
form.addEventListener("reset", () => setTimeout(filter));
filter();

document.addEventListener("click", event => {
  const link = event.target.closest("a");
  if (!link) return;
  if (link.hash && document.querySelector(link.hash)?.closest("[hidden]")) {
    form.reset(); // a link leads to what the filter hides
    setTimeout(() => document.querySelector(link.hash).scrollIntoView());
  }
  if (!link.matches("figure a") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  dialog.replaceChildren(link.querySelector("img").cloneNode());
  dialog.showModal();
});
dialog.addEventListener("click", () => dialog.close());
