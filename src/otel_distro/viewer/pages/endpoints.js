// SPDX-License-Identifier: Apache-2.0
// How each endpoint does: calls, errors, percentiles, and what it costs in all.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { colour, count, duration, percent } from "./format.js";
import { rangeBar, sortable, startOf } from "./table.js";

const HOUR = "3600"; // reading more takes longer: there is a row per endpoint and five minutes

export async function show(main, { query, go }) {
  const { endpoints, left_out: leftOut } = await get("/api/ui/endpoints", { start: startOf(query, HOUR) });
  const everything = endpoints.reduce((sum, row) => sum + row.total, 0) || 1;
  const columns = [
    { title: "Endpoint", value: (r) => r.name, cell: (r) => [
      h("a", { href: `/?q=${encodeURIComponent(`service:${quote(r.service)} name:${quote(r.name)}`)}` }, r.name || "(no name)"),
      h("span", { class: "service" }, h("i", { class: `dot c${colour(r.service)}` }), r.service)] },
    { title: "Calls", number: true, value: (r) => r.calls, cell: (r) => count(r.calls) },
    { title: "Errors", number: true, value: (r) => r.errors / r.calls, cell: (r) => r.errors ? h("span", { class: "bad-text" }, percent(r.errors / r.calls)) : "0 %" },
    { title: "p50", number: true, value: (r) => r.p50, cell: (r) => duration(r.p50) },
    { title: "p95", number: true, value: (r) => r.p95, cell: (r) => duration(r.p95) },
    { title: "p99", number: true, narrow: true, value: (r) => r.p99, cell: (r) => duration(r.p99) },
    { title: "Total time", number: true, narrow: true, value: (r) => r.total, cell: (r) => {
      const bar = h("span", { class: "share", "aria-hidden": "true" });
      bar.style.width = `${(r.total / everything) * 100}%`;
      return [duration(r.total), bar];
    } },
  ];
  put(main,
    h("div", { class: "head" }, h("h1", null, "Endpoints"), rangeBar("/endpoints", query, go, HOUR)),
    endpoints.length
      ? sortable("Endpoints", columns, endpoints, { by: 6 })
      : h("div", { class: "empty" }, h("h2", null, "No requests in this time"), h("p", null, "Endpoints appear as soon as an app has answered a request. ", h("a", { href: "/endpoints?range=all" }, "All time"))),
    h("p", { class: "note" }, "Percentiles are right within 2.2 %; times are kept in steps of five minutes.", leftOut ? ` ${count(leftOut)} more endpoints are not shown.` : ""));
}

function quote(text) {
  return JSON.stringify(text);
}
