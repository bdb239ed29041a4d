"use strict";

/* Tables: a click on a heading, or Enter or Space on it, sorts by its column; once more turns it round. */
for (const table of document.querySelectorAll("table.sortable")) {
  for (const heading of table.tHead.rows[0].cells) {
    const button = heading.querySelector("button");
    if (button) button.addEventListener("click", () => sortBy(heading, heading.getAttribute("aria-sort") === "ascending"));
  }
}

function sortBy(heading, descending) {
  const table = heading.closest("table");
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
  announce(table, `Sorted by ${heading.textContent.trim()}, ${order}`);
}

function announce(element, text) {
  element.closest("section").querySelector(".announce").textContent = text;
}

for (const box of document.querySelectorAll("input.all-columns")) {
  const table = document.getElementById(box.dataset.table);
  const show = () => table.classList.toggle("every", box.checked);
  box.addEventListener("change", show);
  show();
}
