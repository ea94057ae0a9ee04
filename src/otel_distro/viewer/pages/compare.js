// SPDX-License-Identifier: Apache-2.0
// Two traces beside each other: which work was added, left out, slower or faster.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { clock, colour, count, duration, moment } from "./format.js";
import { Trace } from "./model.js";
import { sortable } from "./table.js";

export async function show(main, { query, go }) {
  let [a, b] = [query.get("a") || "", query.get("b") || ""].map((text) => (/[0-9a-f]{32}/i.exec(text) || [""])[0]);
  const input = (name, label, value) => h("label", null, label, h("input", { name, value, placeholder: "Trace id or address", spellcheck: "false", autocomplete: "off", size: "34" }));
  const form = h("form", { class: "compare-form" }, input("a", "Before", a), input("b", "After", b), h("button", { class: "primary" }, "Compare"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    go(`/compare?a=${encodeURIComponent(data.get("a"))}&b=${encodeURIComponent(data.get("b"))}`);
  });
  const result = h("div");
  put(main, h("h1", null, "Compare two traces"), form, result);
  if (!a) {
    put(result, h("div", { class: "empty" }, h("h2", null, "Which two?"), h("p", null, "Open a trace and choose Compare, or paste two ids above.")));
    return;
  }
  const first = new Trace(await get(`/api/ui/traces/${a}`));
  if (!b) {
    put(result, await choose(first));
    return;
  }
  const second = new Trace(await get(`/api/ui/traces/${b}`));
  put(result, summary(first, second), differences(first, second));
}

async function choose(trace) {
  const { info } = trace;
  const { traces } = await get("/api/ui/traces", { q: `service:${JSON.stringify(info.service)} name:${JSON.stringify(info.name)}`, limit: 30 });
  const others = traces.filter((one) => one.id !== info.id);
  if (!others.length) return h("div", { class: "empty" }, h("h2", null, "This is the only trace of its kind"), h("p", null, `Request ${info.name} once more, or paste another id above.`));
  return [h("h2", null, `With which other ${info.name}?`),
    h("ul", { class: "choices" }, others.map((one) => h("li", null, h("a", { href: `/compare?a=${info.id}&b=${one.id}` },
      `${moment(one.start)} · ${duration(one.duration)} · ${count(one.spans)} spans`))))];
}

function summary(first, second) {
  const cell = (trace) => h("div", { class: "side" },
    h("h2", null, h("a", { href: `/trace/${trace.info.id}` }, trace.info.name)),
    h("p", { class: "note" }, `${trace.info.service} · ${clock(trace.info.start)}`),
    h("p", { class: "big" }, duration(trace.info.duration)), h("p", { class: "note" }, `${count(trace.size)} spans, ${trace.info.errors} errors`));
  const change = second.info.duration - first.info.duration;
  const text = change === 0 ? "as long" : `${duration(Math.abs(change))} ${change > 0 ? "longer" : "shorter"}`;
  return h("div", { class: "sides" }, cell(first), h("p", { class: `change ${change > 0 ? "bad-text" : "good-text"}` }, text), cell(second));
}

function differences(first, second) {
  const rows = new Map();
  for (const [trace, side] of [[first, 0], [second, 1]]) {
    const keys = new Array(trace.size);
    for (const i of trace.order) {
      const above = trace.parent[i] < 0 ? "" : keys[trace.parent[i]];
      const title = trace.group(i) || trace.name(i);
      keys[i] = `${above}\u0000${trace.service(i)}\u0001${title}`.slice(-4000);
      const row = rows.get(keys[i]) || { title, service: trace.service(i), depth: trace.depth[i], calls: [0, 0], total: [0, 0], order: rows.size };
      row.calls[side]++;
      row.total[side] += trace.length[i];
      rows.set(keys[i], row);
    }
  }
  const signed = (ns) => (ns === 0 ? "=" : `${ns > 0 ? "+" : "−"}${duration(Math.abs(ns))}`);
  return sortable("Differences", [
    { title: "Work", value: (r) => r.order, cell: (r) => {
      const text = h("span", { class: "indent" }, h("i", { class: `dot c${colour(r.service)}` }), r.title);
      text.style.paddingLeft = `${Math.min(r.depth, 12) * 12}px`;
      return text;
    } },
    { title: "Before", number: true, value: (r) => r.total[0], cell: (r) => times(r, 0) },
    { title: "After", number: true, value: (r) => r.total[1], cell: (r) => times(r, 1) },
    { title: "Change", number: true, value: (r) => r.total[1] - r.total[0], cell: (r) => {
      const change = r.total[1] - r.total[0];
      return h("b", { class: change > 0 ? "bad-text" : change < 0 ? "good-text" : null }, r.calls[0] === 0 ? "new " : r.calls[1] === 0 ? "gone " : "", signed(change));
    } },
  ], [...rows.values()], { by: 0, down: false });
}

function times(row, side) {
  return row.calls[side] ? `${duration(row.total[side])}${row.calls[side] > 1 ? ` (×${count(row.calls[side])})` : ""}` : "–";
}
