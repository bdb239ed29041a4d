"use strict";

/* Tables: a click on a heading, or Enter or Space on it, sorts by its column; once more turns it round. */
for (const table of document.querySelectorAll("table.sortable")) {
  const status = table.closest("section").querySelector(".announce");
  for (const heading of table.tHead.rows[0].cells) {
    const button = heading.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(table, heading, status));
  }
}

function sortBy(table, heading, status) {
  const descending = heading.getAttribute("aria-sort") === "ascending";
  const column = heading.cellIndex;
  const key = (row) => row.cells[column].dataset.sort;
  const rows = [...table.tBodies[0].rows];
  const numeric = rows.every((row) => key(row) === "" || Number.isFinite(Number(key(row))));
  const compare = (a, b) => (numeric ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b)));
  rows.sort((a, b) => {
    // What is missing stays at the end, whichever way the rest goes.
    if (key(a) === "" || key(b) === "") return (key(a) === "") - (key(b) === "");
    return descending ? compare(b, a) : compare(a, b);
  });
  table.tBodies[0].append(...rows);
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  const order = descending ? "descending" : "ascending";
  heading.setAttribute("aria-sort", order);
  status.textContent = `Sorted by ${heading.textContent.trim()}, ${order}`;
}

for (const box of document.querySelectorAll("input.all-columns")) {
  const table = document.getElementById(box.dataset.table);
  const show = () => table.classList.toggle("every", box.checked);
  box.addEventListener("change", show);
  show();
}

/* Charts: the page only picks among coordinates that were worked out when it was made. */
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const reducedWidth = window.matchMedia("(max-width: 42rem)");

for (const figure of document.querySelectorAll("figure[data-chart]")) {
  const source = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
  const chart = figure.querySelector(".chart");
  const hidden = new Set();
  const chosen = (axis) => figure.querySelector(`input[name$="-${axis}"]:checked`).value;
  const draw = () => {
    const x = source.x[chosen("x") + chosen("scale")];
    const y = source.y[chosen("y")];
    const view = chartView(source, x, y, hidden);
    Plotly.react(chart, view.data, view.layout, { displayModeBar: false, responsive: true });
  };
  addLegend(figure.querySelector(".legend"), source.series, hidden, draw);
  figure.addEventListener("change", draw);
  dark.addEventListener("change", draw);
  reducedWidth.addEventListener("change", draw);
  draw();
}

function chartView(source, x, y, hidden) {
  const styles = getComputedStyle(document.documentElement);
  const css = (name) => styles.getPropertyValue(name).trim();
  const data = source.figure.data.map((trace, i) => ({ ...trace, x: x.traces[i], y: y.traces[i] }));
  source.series.forEach((series, i) => {
    const colour = series.colours[dark.matches ? 1 : 0];
    for (const index of series.traces) {
      const trace = data[index];
      trace.visible = !hidden.has(i);
      trace.line = { ...trace.line, color: colour };
      if (trace.fillcolor) trace.fillcolor = colour;
      if (trace.marker) trace.marker = { ...trace.marker, color: colour };
    }
  });
  const { xaxis, yaxis, ...rest } = source.figure.layout;
  const axis = { color: css("--muted"), linecolor: css("--muted"), tickcolor: css("--muted"), gridcolor: css("--rule"),
    automargin: true };
  const layout = {
    ...rest,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: css("--sans"), size: 12.5, color: css("--ink") },
    hoverlabel: { bgcolor: css("--paper"), bordercolor: css("--rule"), font: { color: css("--ink") } },
    xaxis: { ...xaxis, ...axis, ...x.axis, title: { ...x.axis.title, font: { size: 12.5 } }, showline: true, fixedrange: reducedWidth.matches },
    yaxis: { ...yaxis, ...axis, ...y.axis, title: { ...y.axis.title, font: { size: 12.5 } }, fixedrange: reducedWidth.matches },
  };
  return { data, layout };
}

function addLegend(legend, allSeries, hidden, draw) {
  const dashes = { solid: "none", dash: "6 3", dot: "2 2.5", dashdot: "6 2 2 2" };
  allSeries.forEach((series, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    swatch.setAttribute("class", "swatch");
    swatch.setAttribute("viewBox", "0 0 22 8");
    swatch.setAttribute("aria-hidden", "true");
    swatch.style.setProperty("--light", series.colours[0]);
    swatch.style.setProperty("--dark", series.colours[1]);
    const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
    for (const [name, value] of Object.entries({ x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": dashes[series.dash] }))
      line.setAttribute(name, value);
    swatch.append(line);
    button.append(swatch, series.name);
    button.addEventListener("click", () => {
      if (!hidden.delete(i)) hidden.add(i);
      button.setAttribute("aria-pressed", String(!hidden.has(i)));
      draw();
    });
    legend.append(button);
  });
}
