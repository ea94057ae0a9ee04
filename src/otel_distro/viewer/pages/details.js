// SPDX-License-Identifier: Apache-2.0
// Everything about one span: statement, exception, place in the code, attributes.

import { get } from "./api.js";
import { copyButton, h, linkOrText, put } from "./dom.js";
import { clock, colour, duration, percent } from "./format.js";
import { KINDS } from "./model.js";
import { formatSql } from "./sql.js";

const LIBRARY = /site-packages|dist-packages|[\\/]lib[\\/]python\d|<frozen/;
const SHOWN_APART = new Set(["db.query.text", "db.statement"]);

export async function showDetails(panel, trace, index, signal, close) {
  const id = trace.id(index);
  const title = h("h2", { id: "details-title" }, trace.name(index) || "(no name)");
  const closer = h("button", { type: "button", class: "small", "aria-label": "Close details", onclick: close }, "✕");
  const own = trace.own ? trace.own[index] : null;
  const facts = [
    ["Duration", duration(trace.length[index]), `${percent(trace.length[index] / trace.end)} of the trace`],
    own === null ? null : ["Own time", duration(own), "no span below ran"],
    ["Began after", duration(trace.start[index]), clock(trace.info.start + trace.start[index] / 1000)],
  ].filter(Boolean);
  const head = [
    h("div", { class: "details-head" }, title, closer),
    h("p", { class: "note" }, h("i", { class: `dot c${colour(trace.service(index))}` }), trace.service(index),
      KINDS[trace.kind(index)] ? ` · ${KINDS[trace.kind(index)]}` : "",
      trace.failed(index) ? [" · ", h("b", { class: "bad-text" }, "error")] : "",
      trace.path?.has(index) ? [" · ", h("b", { class: "path-text" }, "on the critical path")] : ""),
    h("dl", { class: "facts" }, facts.map(([name, value, more]) => h("div", null, h("dt", null, name), h("dd", null, value, " ", h("small", null, more))))),
  ];
  put(panel, head, h("p", { class: "note" }, "Reading…"));
  const block = await get(`/api/ui/traces/${trace.info.id}/spans/${id}`, { chunk: trace.chunk(index) }, signal);
  const span = block.scopeSpans[0].spans[0];
  const attributes = pairs(span.attributes);
  const values = new Map(attributes);
  put(panel, head,
    statement(values),
    place(values, trace.place(index)),
    (span.events || []).filter((event) => event.name === "exception").map((event) => exception(new Map(pairs(event.attributes)))),
    span.status?.message ? h("p", { class: "message" }, span.status.message) : null,
    table("Attributes", attributes.filter(([key]) => !SHOWN_APART.has(key)), true),
    lost(span.droppedAttributesCount, "attributes"),
    events((span.events || []).filter((event) => event.name !== "exception"), span.startTimeUnixNano),
    links(span.links || []),
    h("details", null, h("summary", null, "Resource and scope"),
      table("", pairs(block.resource.attributes)),
      h("p", { class: "note" }, `Scope: ${block.scopeSpans[0].scope?.name || "none"} ${block.scopeSpans[0].scope?.version || ""}`)),
    h("p", { class: "row" }, h("code", null, id), copyButton(id, "Copy id"), copyButton(() => JSON.stringify(block, null, 2), "Copy as JSON")));
}

export function pairs(attributes) {
  return (attributes || []).map(({ key, value }) => [key, plain(value)]).sort((a, b) => (a[0] < b[0] ? -1 : 1));
}

function plain(value) {
  if (!value) return null;
  const [kind, inner] = Object.entries(value)[0] || ["", null];
  if (kind === "arrayValue") return (inner.values || []).map(plain);
  if (kind === "kvlistValue") return Object.fromEntries((inner.values || []).map((one) => [one.key, plain(one.value)]));
  return inner;
}

function statement(values) {
  const text = values.get("db.query.text") || values.get("db.statement");
  if (!text) return null;
  const explain = /^\s*(select|with)\b/i.test(text) ? copyButton(`EXPLAIN ${text}`, "Copy EXPLAIN") : null;
  return h("section", null, h("h3", null, "Statement"), formatSql(String(text)), h("p", { class: "row" }, copyButton(String(text), "Copy SQL"), explain));
}

function place(values, shortPlace) {
  const path = values.get("code.file.path") || values.get("code.filepath");
  const line = values.get("code.line.number") ?? values.get("code.lineno");
  const name = values.get("code.function.name") || values.get("code.function");
  const where = path ? `${path}${line === undefined ? "" : `:${line}`}` : shortPlace;
  if (!where) return null;
  return h("section", null, h("h3", null, "Place in the code"),
    h("p", { class: "row" }, h("code", { class: "place" }, where), copyButton(where)), name ? h("p", { class: "note" }, `in ${name}`) : null);
}

function exception(values) {
  const stack = String(values.get("exception.stacktrace") || "");
  return h("section", { class: "exception" },
    h("h3", null, String(values.get("exception.type") || "Exception")),
    h("p", { class: "message" }, String(values.get("exception.message") || "")),
    stack ? frames(stack) : null,
    stack ? h("p", { class: "row" }, copyButton(stack, "Copy traceback")) : null);
}

// Python frames: the app's own are open to the eye, those of libraries fold away.
function frames(stack) {
  const lines = stack.split("\n");
  const parts = [];
  for (let i = 0; i < lines.length; i++) {
    const match = /^\s*File "(.+)", line (\d+)(?:, in (.+))?/.exec(lines[i]);
    if (!match) continue;
    const code = [];
    while (i + 1 < lines.length && /^\s{4}/.test(lines[i + 1]) && !/^\s*File "/.test(lines[i + 1])) code.push(lines[++i].trim());
    parts.push({ path: match[1], line: match[2], name: match[3] || "", code: code.filter((text) => !/^[\^~]+$/.test(text.replace(/\s/g, ""))), own: !LIBRARY.test(match[1]) });
  }
  if (!parts.length) return h("pre", { class: "stack" }, stack);
  return h("ol", { class: "frames" }, parts.map((frame) => h("li", { class: frame.own ? "own" : "library" },
    h("code", null, `${frame.path}:${frame.line}`), frame.name ? ` in ${frame.name}` : "",
    frame.code.length ? h("pre", null, frame.code.join("\n")) : null)));
}

function table(title, rows, search = false) {
  if (!rows.length) return null;
  return h("section", null, title ? h("h3", null, title) : null,
    h("table", { class: "plain attributes" }, h("tbody", null, rows.map(([key, value]) => {
      const text = typeof value === "object" ? JSON.stringify(value) : String(value);
      return h("tr", null, h("th", { scope: "row" }, search
        ? h("a", { href: `/?q=${encodeURIComponent(`${key}=${/[\s"*]/.test(text) ? JSON.stringify(text) : text}`)}`, title: "Traces with this value" }, key)
        : key), h("td", null, linkOrText(text)));
    }))));
}

function lost(number, what) {
  return number ? h("p", { class: "note" }, `${number} more ${what} were dropped by the SDK.`) : null;
}

function events(list, begin) {
  if (!list.length) return null;
  return h("section", null, h("h3", null, "Events"), h("ul", { class: "events" }, list.map((event) => h("li", null,
    h("span", { class: "note" }, `+${duration(Number(BigInt(event.timeUnixNano || 0) - BigInt(begin || 0)))}`), " ", h("b", null, event.name || "(no name)"),
    table("", pairs(event.attributes))))));
}

function links(list) {
  if (!list.length) return null;
  return h("section", null, h("h3", null, "Links"), h("ul", { class: "events" }, list.map((link) =>
    h("li", null, h("a", { href: `/trace/${link.traceId}?span=${link.spanId}` }, link.traceId), table("", pairs(link.attributes))))));
}
