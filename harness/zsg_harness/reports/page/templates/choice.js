"use strict";

/* Which table is shown, which of its rows, and which page. */

const sections = [...document.querySelectorAll("section.board")];
const figures = new Map();
const axes = [...document.querySelectorAll("select[data-axis]")];
let current = sections[0];

function choose(section) {
  current = section;
  for (const each of sections) each.hidden = each !== section;
  for (const axis of axes) axis.value = section.dataset[axis.dataset.axis];
  figures.get(section.id)?.draw();
}

for (const axis of axes) {
  const values = new Set(sections.map((section) => section.dataset[axis.dataset.axis]));
  for (const value of values) axis.add(new Option(value, value));
  axis.closest("label").hidden = values.size < 2;
  axis.addEventListener("change", () => {
    // Of the tables with the chosen value, the one that agrees most with what else is chosen.
    const agreeing = (section) => axes.filter((each) => section.dataset[each.dataset.axis] === each.value).length;
    const fitting = sections.filter((section) => section.dataset[axis.dataset.axis] === axis.value);
    choose(fitting.reduce((best, section) => (agreeing(section) > agreeing(best) ? section : best)));
  });
}

for (const section of sections) {
  const filter = section.querySelector(".filter");
  const embedder = section.querySelector("select.embedder");
  const narrowDown = () => {
    const view = figures.get(section.id);
    if (!view) return;
    const wanted = filter.value.trim().toLowerCase();
    view.leftOut = new Set(view.source.series.flatMap((one, i) =>
      one.name.toLowerCase().includes(wanted) && (!embedder?.value || !one.embedder || one.embedder === embedder.value)
        ? [] : [i]));
    const rows = [...section.querySelectorAll("tr[data-series]")];
    for (const row of rows) row.hidden = view.leftOut.has(Number(row.dataset.series));
    announce(filter, `${rows.filter((row) => !row.hidden).length} of ${rows.length} arrangements`);
    view.draw();
  };
  filter.addEventListener("input", narrowDown);
  embedder?.addEventListener("change", narrowDown);
  section.querySelector("details.tasks").addEventListener("toggle", () => figures.has(section.id) && drawTasks(figures.get(section.id)));
}

/* An address names a table, or a page, which the style sheet shows in place of the front. */
function opened() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.classList.contains("board")) choose(target);
  if (target?.classList.contains("page")) {
    drawArrangement(target, figures);
    scrollTo(0, 0);
  } else if (current) choose(current);
  target?.querySelector("h2[tabindex]")?.focus({ preventScroll: target.classList.contains("page") });
}

async function begin() {
  document.documentElement.classList.add("chosen");
  choose(current);
  const [sources] = await Promise.all([
    Promise.all(sections.map((section) => unpacked(`${section.id}-chart-data`))), runPlotly(),
  ]);
  sections.forEach((section, i) => figures.set(section.id, new Figure(section, JSON.parse(sources[i]))));
  for (const look of [dark, narrow]) look.addEventListener("change", opened);
  window.addEventListener("hashchange", opened);
  opened();
}

// The page that an address names is there only once the document is.
if (sections.length) window.addEventListener("load", begin);
