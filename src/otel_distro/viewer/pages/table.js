// SPDX-License-Identifier: Apache-2.0
// A table whose columns can be sorted.

import { h, put, say } from "./dom.js";

// columns: {title, value(row) for sorting, cell(row), number, narrow: hidden on narrow screens}
export function sortable(caption, columns, rows, { by = 0, down = true } = {}) {
  const state = { by, down };
  const body = h("tbody");
  const heads = columns.map((column, i) => {
    const button = h("button", { type: "button" }, column.title);
    button.addEventListener("click", () => {
      state.down = state.by === i ? !state.down : Boolean(column.number);
      state.by = i;
      draw();
      say(`Sorted by ${column.title}`);
    });
    return h("th", { scope: "col", class: kind(column) }, button);
  });
  function draw() {
    const value = columns[state.by].value;
    const sorted = [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * (state.down ? -1 : 1);
    });
    heads.forEach((head, i) => {
      if (i === state.by) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    put(body, sorted.map((row) => h("tr", null, columns.map((column, i) =>
      h(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: kind(column) }, column.cell(row))))));
  }
  draw();
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", { class: "data" }, h("caption", { class: "unseen" }, caption), h("thead", null, h("tr", null, heads)), body));
}

function kind(column) {
  return [column.number ? "number" : "", column.narrow ? "wide" : ""].join(" ").trim() || null;
}

const RANGES = [["900", "Last 15 min"], ["3600", "Last hour"], ["86400", "Last day"], ["all", "All"]];

// A choice of time that is kept in the address.
export function rangeBar(path, query, go, standard = "all") {
  const range = query.get("range") || standard;
  return h("div", { class: "ranges", role: "group", "aria-label": "Time" }, RANGES.map(([value, text]) =>
    h("button", { type: "button", "aria-pressed": String(value === range), onclick: () => go(`${path}?range=${value}`) }, text)));
}

export function startOf(query, standard = "all") {
  const range = Number(query.get("range") || standard);
  return range > 0 ? Date.now() * 1000 - range * 1e6 : undefined;
}
