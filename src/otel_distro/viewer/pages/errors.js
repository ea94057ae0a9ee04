// SPDX-License-Identifier: Apache-2.0
// Equal errors together: by exception and place.

import { get } from "./api.js";
import { h, put } from "./dom.js";
import { ago, colour, count, moment, shortPlace } from "./format.js";
import { rangeBar, startOf } from "./table.js";

export async function show(main, { query, go }) {
  const [{ errors, left_out: leftOut }, status] = await Promise.all([
    get("/api/ui/errors", { start: startOf(query) }), get("/api/ui/status")]);
  put(main,
    h("div", { class: "head" }, h("h1", null, "Errors"), rangeBar("/errors", query, go)),
    errors.length
      ? h("ol", { class: "errors" }, errors.map((error) => card(error, status.now)))
      : h("div", { class: "empty" }, h("h2", null, "No errors in this time"), h("p", null, "An exception, or a span whose status is error, is listed here with its place in the code.")),
    leftOut ? h("p", { class: "note" }, `${count(leftOut)} more kinds of errors are not shown.`) : null);
}

function card(error, now) {
  const isException = /[A-Za-z]/.test(error.type) && error.type !== "error";
  const search = isException && error.message ? `exception.type=${JSON.stringify(error.type)}` : `service:${JSON.stringify(error.service)} status:error`;
  return h("li", null,
    h("div", { class: "count" }, h("b", null, count(error.calls)), error.calls === 1 ? "time" : "times"),
    h("div", { class: "about" },
      h("h2", null, h("a", { href: `/trace/${error.trace}?span=${error.span}` }, /^\d+$/.test(error.type) ? `HTTP ${error.type}` : error.type)),
      error.message ? h("p", { class: "message" }, error.message) : null,
      h("p", { class: "note" },
        h("i", { class: `dot c${colour(error.service)}` }), `${error.service} · ${error.name}`,
        error.place ? [" · ", h("code", { title: error.place }, shortPlace(error.place))] : null)),
    h("div", { class: "when" },
      h("span", { title: moment(error.last) }, ago(error.last, now)),
      h("span", { class: "note" }, `first ${ago(error.first, now)}`),
      h("a", { href: `/?q=${encodeURIComponent(search)}` }, "All traces")));
}
