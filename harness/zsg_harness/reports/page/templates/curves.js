"use strict";

/* The figure of a section: a metric of each arrangement over training. */

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const narrow = window.matchMedia("(max-width: 42rem)");
const DASHES = { solid: "none", dash: "6 3", dot: "2 2.5", dashdot: "6 2 2 2" };

class Figure {
  constructor(section, source) {
    this.section = section;
    this.figure = section.querySelector("figure[data-chart]");
    this.source = source;
    this.chart = this.figure.querySelector(".chart");
    this.hidden = new Set(this.source.series.flatMap((one, i) => (one.shown ? [] : [i])));
    this.leftOut = new Set(); // by the filter and the choice of an embedder
    this.metric = this.figure.querySelector(".metric-choice");
    this.task = this.figure.querySelector(".task-choice");
    this.fill();
    addLegend(this);
    this.figure.addEventListener("change", (event) => this.changed(event.target));
  }

  fill() {
    for (const [i, metric] of this.source.metrics.entries()) this.metric.add(new Option(metric.heading, i));
    this.task.add(new Option(this.source.tasks ? "all tasks, their mean" : this.source.heldOut, ""));
    for (const [i, name] of (this.source.tasks?.names ?? []).entries()) this.task.add(new Option(name || "(no task)", i));
    this.task.closest("label").hidden = !this.source.tasks;
    this.metric.closest("label").hidden = this.source.metrics.length < 2;
  }

  changed(control) {
    if (control === this.metric) {
      this.task.value = "";
      const metric = this.source.metrics[this.metric.value];
      const heading = [...this.section.querySelectorAll("table.sortable thead th")].find(
        (each) => each.dataset.column === metric.column,
      );
      if (heading) sortBy(heading, metric.better === "higher");
    }
    if (control === this.task && this.task.value !== "") this.metric.value = 0;
    this.draw();
  }

  chosen(axis) {
    return this.figure.querySelector(`input[name$="-${axis}"]:checked`).value;
  }

  visible() {
    return this.source.series.map((_, i) => i).filter((i) => !this.hidden.has(i) && !this.leftOut.has(i));
  }

  /* Of each series its steps, tokens, and the values that are chosen; null where it has none. */
  lines(kind) {
    if (this.task.value === "") {
      return this.source.metrics[this.metric.value].lines.map((line) =>
        line.steps.length && line[kind] ? { steps: line.steps, tokens: line.tokens, ...line[kind] } : null,
      );
    }
    const found = this.source.tasks.lines.map((_, i) => this.taskLine(i, this.task.value));
    if (kind === "level") return found;
    const base = found[this.source.series.findIndex((one) => one.random)];
    return found.map((line) => line && base && sameSteps(line, base)
      ? { ...line, mean: line.mean.map((value, k) => value - base.mean[k]) } : null);
  }

  taskLine(i, task) {
    const own = this.source.tasks.lines[i];
    const mean = own?.losses[task];
    if (!mean) return null;
    const all = this.source.metrics[0].lines[i];
    return { steps: own.steps, tokens: own.steps.map((step) => all.tokens[all.steps.indexOf(step)]), mean };
  }

  draw() {
    const kind = this.chosen("y");
    const of = this.task.value === "" ? this.source.metrics[this.metric.value].title
      : `loss on ${this.task.selectedOptions[0].text}`;
    const view = {
      lines: this.lines(kind), visible: this.visible(), along: this.chosen("x"), log: this.chosen("scale") === "log",
      title: kind === "level" ? of : `${of}, minus random’s`,
    };
    plot(this.chart, this.source.series, view);
    drawTasks(this);
  }
}

function sameSteps(a, b) {
  return a.steps.length === b.steps.length && a.steps.every((step, k) => step === b.steps[k]);
}

/* Draws lines over steps or tokens; a log axis is log1p(value / unit), which has a place for the start. */
function plot(chart, allSeries, { lines, visible, along, log, title }) {
  const drawn = visible.filter((i) => lines[i]);
  const last = Math.max(1, ...drawn.map((i) => lines[i][along].at(-1)));
  const unit = along === "steps" ? 1 : Math.max(1, last / Math.max(1, ...drawn.map((i) => lines[i].steps.at(-1))));
  const place = (value) => (log ? Math.log1p(value / unit) : value);
  const bands = drawn.filter((i) => lines[i].low).map((i) => band(allSeries[i], lines[i], lines[i][along].map(place)));
  const means = drawn.map((i) => mean(allSeries[i], lines[i], lines[i][along].map(place)));
  const ticks = roundTicks(unit, last);
  const logAxis = { tickmode: "array", tickvals: ticks.map(place), ticktext: ticks.map(shortNumber) };
  const name = along === "steps" ? "step" : "training tokens";
  Plotly.react(chart, [...bands, ...means], layout(
    { title: { text: log ? `${name} (log scale)` : name }, ...(log ? logAxis : {}) }, { title: { text: title } },
  ), { displayModeBar: false, responsive: true });
}

function mean(series, line, x) {
  return {
    x, y: line.mean, name: escaped(series.name), mode: "lines+markers",
    line: { color: colour(series), width: 2, dash: series.dash },
    marker: { symbol: series.symbol, size: 6, color: colour(series) },
    customdata: line.steps.map((step, k) => [step.toLocaleString("en"), line.tokens[k]?.toLocaleString("en") ?? "?"]),
    hovertemplate: "<b>%{fullData.name}</b><br>%{y:.4f}<br>step %{customdata[0]}, %{customdata[1]} tokens<extra></extra>",
  };
}

function band(series, line, x) {
  return {
    x: [...x, ...x.toReversed()], y: [...line.low, ...line.high.toReversed()], name: escaped(series.name),
    mode: "lines", line: { width: 0, color: colour(series) }, fill: "toself", fillcolor: colour(series),
    opacity: series.random ? 0.22 : 0.14, hoverinfo: "skip",
  };
}

function layout(xaxis, yaxis) {
  const styles = getComputedStyle(document.documentElement);
  const css = (name) => styles.getPropertyValue(name).trim();
  const axis = { color: css("--muted"), linecolor: css("--muted"), tickcolor: css("--muted"), gridcolor: css("--rule"),
    automargin: true, zeroline: false, fixedrange: narrow.matches };
  const titled = (one) => ({ ...axis, ...one, title: { ...one.title, font: { size: 12.5 } } });
  return {
    showlegend: false, hovermode: "closest", margin: { l: 56, r: 12, t: 8, b: 48 },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: css("--sans"), size: 12.5, color: css("--ink") },
    hoverlabel: { bgcolor: css("--paper"), bordercolor: css("--rule"), font: { color: css("--ink") } },
    xaxis: { ...titled(xaxis), showgrid: false, ticks: "outside", ticklen: 4, showline: true },
    yaxis: { ...titled(yaxis), nticks: 7 },
  };
}

/* Plotly reads names as markup; escaped, they are shown as they are. */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%{", "%\u200b{");
}

function colour(series) {
  return series.colours[dark.matches ? 1 : 0];
}

/* 0, and the round values 1, 2, 5 × 10^k from `unit` to `last`; only 10^k when that is too many. */
function roundTicks(unit, last) {
  for (const digits of [[1, 2, 5], [1]]) {
    const ticks = [];
    for (let power = Math.floor(Math.log10(unit)); 10 ** power <= last; power++)
      for (const digit of digits) if (digit * 10 ** power >= unit && digit * 10 ** power <= last) ticks.push(digit * 10 ** power);
    if (ticks.length <= 10 || digits.length === 1) return [0, ...ticks];
  }
}

function shortNumber(value) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) if (value >= size) return `${value / size}${letter}`;
  return String(value);
}

function addLegend(view) {
  const legend = view.figure.querySelector(".legend");
  const buttons = view.source.series.map((series, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(swatch(series), series.name);
    button.addEventListener("click", () => show([i], view.hidden.has(i)));
    return button;
  });
  const show = (which, shown) => {
    for (const i of which) if (shown) view.hidden.delete(i); else view.hidden.add(i);
    tell();
    view.draw();
  };
  const tell = () => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(!view.hidden.has(i))));
  legend.append(...buttons);
  if (buttons.length > 8) {
    const every = view.source.series.map((_, i) => i);
    for (const [text, shown] of [["show all", true], ["show none", false]]) {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text, className: "at-once" });
      button.addEventListener("click", () => show(every, shown));
      legend.append(button);
    }
  }
  tell();
}

function swatch(series) {
  const svg = svgElement("svg", { class: "swatch", viewBox: "0 0 22 8", "aria-hidden": "true" });
  inBothColours(svg, series);
  svg.append(svgElement("line", { x1: 0, x2: 22, y1: 4, y2: 4, "stroke-dasharray": DASHES[series.dash] }));
  return svg;
}

function inBothColours(element, series) {
  element.style.setProperty("--light", series.colours[0]);
  element.style.setProperty("--dark", series.colours[1]);
}

function svgElement(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
