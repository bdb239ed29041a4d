"use strict";

/* Every task by itself: small multiples of the arrangements that the figure above them shows. */

function drawTasks(view) {
  const details = view.figure.querySelector("details.tasks");
  details.hidden = !view.source.tasks;
  if (!view.source.tasks || !details.open) return;
  const visible = view.visible();
  const panels = view.source.tasks.names.map((name, task) => {
    const lines = visible.map((i) => [view.source.series[i], view.taskLine(i, task)]).filter(([, line]) => line);
    return { name, task, lines, apart: spread(lines) };
  });
  if (details.querySelector(".task-sort").value === "apart") panels.sort((a, b) => b.apart - a.apart);
  details.querySelector(".multiples").replaceChildren(...panels.map((panel) => panelOf(view, panel)));
}

/* How far the lines of a task are apart, on average over log steps. */
function spread(lines) {
  const areas = lines.map(([, { steps, mean }]) => {
    const x = steps.map((step) => Math.log1p(step));
    let area = 0;
    for (let k = 1; k < x.length; k++) area += ((mean[k] + mean[k - 1]) / 2) * (x[k] - x[k - 1]);
    return x.length > 1 ? area / (x.at(-1) - x[0]) : mean[0];
  });
  return areas.length ? Math.max(...areas) - Math.min(...areas) : 0;
}

function panelOf(view, { name, task, lines }) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", className: "multiple", title: view.source.tasks.sources[task] });
  button.setAttribute("aria-pressed", String(view.task.value === String(task)));
  const values = lines.flatMap(([, line]) => line.mean);
  const range = document.createElement("span");
  range.className = "range";
  range.textContent = values.length ? `${Math.min(...values).toFixed(2)} – ${Math.max(...values).toFixed(2)}` : "–";
  const title = document.createElement("span");
  title.textContent = name || "(no task)";
  button.append(title, smallPicture(lines, values), range);
  button.addEventListener("click", () => {
    view.task.value = view.task.value === String(task) ? "" : task;
    view.changed(view.task);
    view.chart.scrollIntoView({ block: "nearest" });
  });
  return button;
}

function smallPicture(lines, values) {
  const svg = svgElement("svg", { viewBox: "0 0 100 60", preserveAspectRatio: "none", "aria-hidden": "true" });
  const low = Math.min(...values), height = Math.max(...values) - low || 1;
  const last = Math.max(1, ...lines.map(([, line]) => line.steps.at(-1)));
  for (const [series, { steps, mean }] of lines) {
    const points = steps.map((step, k) =>
      `${((100 * Math.log1p(step)) / Math.log1p(last)).toFixed(1)},${(58 - (56 * (mean[k] - low)) / height).toFixed(1)}`);
    const line = svgElement("polyline", { points: points.join(" "), "stroke-dasharray": DASHES[series.dash] });
    inBothColours(line, series);
    svg.append(line);
  }
  return svg;
}
