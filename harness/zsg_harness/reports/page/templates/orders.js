"use strict";

/* The pictures on an arrangement's page, drawn when it is opened. */

function drawArrangement(page, figures) {
  for (const figure of page.querySelectorAll("figure.versus")) {
    const { source } = figures.get(figure.dataset.from);
    const own = Number(figure.dataset.series);
    const random = source.series.findIndex((one) => one.random);
    const lines = source.metrics[0].lines.map((line) => ({ steps: line.steps, tokens: line.tokens, ...line.level }));
    const visible = [...new Set([random, own])].filter((i) => i >= 0);
    plot(figure.querySelector(".chart"), source.series, { lines, visible, along: "steps", log: true, title: "loss" });
  }
  for (const figure of page.querySelectorAll("figure.order")) {
    const dots = figure.dataset.dots.split(" ").map(Number);
    const marks = dots.map((dot, k) => `M${((1000 * (k + 0.5)) / dots.length).toFixed(1)} ${dot}h0`);
    figure.querySelector("svg").replaceChildren(svgElement("path", { d: marks.join("") }));
  }
}
