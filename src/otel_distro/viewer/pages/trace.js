// SPDX-License-Identifier: Apache-2.0
// One trace: what is wrong with it, its waterfall, its calls by statement.

import { get } from "./api.js";
import { copyButton, h, put, say } from "./dom.js";
import { showDetails } from "./details.js";
import { colour, count, duration, moment, percent, shortPlace } from "./format.js";
import { pageKeys } from "./keys.js";
import { Trace } from "./model.js";
import { formatSql } from "./sql.js";
import { sortable } from "./table.js";
import { Waterfall } from "./waterfall.js";

export async function show(main, { argument, query, go, early }) {
  const stop = new AbortController();
  const id = argument.toLowerCase();
  const trace = new Trace(await (early || get(`/api/ui/traces/${id}`, {}, stop.signal)));
  const info = trace.info;
  document.title = `${info.name} ${duration(info.duration)} · otel-distro`;

  const findings = h("section", { class: "findings", "aria-label": "Findings", "aria-busy": "true" });
  const panel = h("aside", { class: "details", "aria-labelledby": "details-title", hidden: true, tabindex: "-1" });
  const calls = h("div", { id: "tab-calls", role: "tabpanel", "aria-labelledby": "to-calls", hidden: true });
  const waterfall = new Waterfall(trace, { onSelect: selected, onOpen: (index) => openDetails(index, true) });
  const find = h("input", { type: "search", class: "find", placeholder: "Find in trace", "aria-label": "Find in this trace", "aria-keyshortcuts": "/" });
  const timeline = h("div", { id: "tab-time", role: "tabpanel", "aria-labelledby": "to-time", class: "timeline" }, waterfall.element, panel);
  const tabs = tabBar([["to-time", "tab-time", "Timeline"], ["to-calls", "tab-calls", "Calls"]], (name) => {
    timeline.hidden = name !== "tab-time";
    calls.hidden = name !== "tab-calls";
    if (name === "tab-calls" && !calls.firstChild) put(calls, callTable(trace, pick));
    if (name === "tab-time") waterfall.refresh();
  });

  put(main,
    h("div", { class: "head" },
      h("div", null,
        h("h1", null, info.name || "(no name)"),
        h("p", { class: "note" }, h("i", { class: `dot c${colour(info.service)}` }), info.service, ` · ${moment(info.start)} · `, h("b", null, duration(info.duration)),
          ` · ${trace.size === 1 ? "1 span" : `${count(trace.size)} spans`}`,
          info.services.length > 1 ? ` · ${info.services.length} services` : "",
          info.http_status ? [" · ", h("span", { class: `http s${Math.floor(info.http_status / 100)}` }, info.http_status)] : "",
          info.errors ? [" · ", h("span", { class: "badge bad" }, info.errors === 1 ? "1 error" : `${info.errors} errors`)] : "")),
      h("div", { class: "row" },
        h("a", { class: "button", href: `/compare?a=${info.id}` }, "Compare"),
        h("a", { class: "button", href: `/api/ui/traces/${info.id}/export?format=otlp`, download: "" }, "OTLP JSON"),
        h("a", { class: "button", href: `/api/ui/traces/${info.id}/export?format=jaeger`, download: "" }, "Jaeger JSON"),
        copyButton(info.id, "Copy id"))),
    info.complete ? null : h("p", { class: "notice" }, "The first span of this trace has not arrived: it may still run, or was not sampled or sent."),
    findings,
    h("div", { class: "bar-line" }, tabs, find),
    timeline, calls);
  waterfall.refresh();
  main.setAttribute("aria-busy", "false");

  let reading = null;
  function selected(index) {
    history.replaceState(null, "", `/trace/${info.id}?span=${trace.id(index)}`);
    if (!panel.hidden || window.innerWidth > 1000) openDetails(index, false);
  }
  async function openDetails(index, focus) {
    if (index < 0) return;
    reading?.abort();
    reading = new AbortController();
    panel.hidden = false;
    try {
      await showDetails(panel, trace, index, reading.signal, closeDetails);
      if (focus) panel.focus();
    } catch (error) {
      if (error.name !== "AbortError") put(panel, h("p", { class: "notice" }, error.message));
    }
  }
  function closeDetails() {
    panel.hidden = true;
    waterfall.grid.focus();
  }
  function pick(index) {
    tabs.firstChild.click();
    waterfall.select(index);
    waterfall.grid.focus();
  }

  const matches = (index) => {
    const text = find.value.trim().toLowerCase();
    return text !== "" && [trace.name(index), trace.service(index), trace.group(index), trace.exact(index), trace.place(index), trace.exception(index), trace.id(index)]
      .some((part) => part.toLowerCase().includes(text));
  };
  find.addEventListener("input", () => {
    const ids = [];
    if (find.value.trim()) for (let i = 0; i < trace.size; i++) if (matches(i)) ids.push(trace.id(i));
    waterfall.mark(ids);
    say(ids.length ? `${ids.length} spans match` : find.value ? "No span matches" : "");
  });
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") { event.preventDefault(); waterfall.find(matches, event.shiftKey); }
  });
  const next = (back) => (find.value.trim() ? waterfall.find(matches, back) : waterfall.find((i) => waterfall.marked.has(i), back));

  pageKeys({
    "/": ["Find in this trace", () => { find.focus(); find.select(); }],
    j: ["Next span", () => waterfall.move(1)],
    k: ["Previous span", () => waterfall.move(-1)],
    l: ["Open the span, or go to its first child", () => key(waterfall, "ArrowRight")],
    h: ["Close the span, or go to its parent", () => key(waterfall, "ArrowLeft")],
    Enter: ["Details of the span", () => openDetails(waterfall.selected, true)],
    Escape: ["Close details; see the whole time again", () => (panel.hidden ? waterfall.zoom(0, trace.end) : closeDetails())],
    e: ["Next error", () => waterfall.find((i) => trace.failed(i))],
    E: ["Previous error", () => waterfall.find((i) => trace.failed(i), true)],
    n: ["Next match or finding", () => next(false)],
    N: ["Previous match or finding", () => next(true)],
    c: ["Next span on the critical path", () => waterfall.find((i) => Boolean(trace.path?.has(i)))],
    z: ["Zoom to the span", () => waterfall.zoomOn(waterfall.selected)],
    x: ["Fold or unfold all", () => waterfall.collapseAll()],
    "[": ["The trace before of the same kind", () => neighbour(trace, go, -1)],
    "]": ["The trace after of the same kind", () => neighbour(trace, go, 1)],
  });

  const wanted = trace.indexOf.get((query.get("span") || "").toLowerCase());
  if (wanted !== undefined) { waterfall.select(wanted, { quiet: true }); openDetails(wanted, false); }
  performance.mark("trace-shown");

  try {
    await new Promise((resolve) => { requestAnimationFrame(() => setTimeout(resolve)); }); // the waterfall first
    const analysis = await get(`/api/ui/traces/${id}/analysis`, {}, stop.signal);
    if (!trace.addAnalysis(analysis)) { go(location.pathname + location.search, { replace: true }); return () => {}; }
    waterfall.refresh();
    put(findings, findingList(analysis.findings, trace, waterfall, pick));
    if (wanted !== undefined && !panel.hidden) openDetails(wanted, false);
    performance.mark("findings-shown");
  } catch (error) {
    if (error.name !== "AbortError") put(findings, h("p", { class: "note" }, error.message));
  }
  findings.setAttribute("aria-busy", "false");
  return () => { stop.abort(); reading?.abort(); waterfall.close(); };
}

function findingList(list, trace, waterfall, pick) {
  if (!list.length) return h("p", { class: "note" }, "Nothing stands out in this trace.");
  const cards = list.map((finding) => {
    const index = trace.indexOf.get(finding.spans[0]);
    const show = h("button", { type: "button", class: "small" }, finding.times > 1 ? `Show ${finding.times}` : "Show");
    show.addEventListener("click", () => {
      waterfall.mark(finding.spans);
      pick(index);
    });
    const statement = ["n_plus_one", "identical", "slowest_query"].includes(finding.kind) && finding.text;
    return h("li", { class: `finding ${finding.severity}` },
      h("div", { class: "finding-head" }, h("b", null, finding.title), finding.share >= 0.01 ? h("span", { class: "note" }, percent(finding.share)) : null, show),
      h("p", null, finding.detail),
      finding.place ? h("p", { class: "row" }, h("code", { class: "place", title: finding.place }, shortPlace(finding.place)), copyButton(finding.place)) : null,
      statement ? h("details", null, h("summary", null, statement.slice(0, 90)), formatSql(statement)) : null);
  });
  const rest = cards.slice(3);
  return [h("ul", null, cards.slice(0, 3)),
    rest.length ? h("details", { class: "rest" }, h("summary", null, `${rest.length} more`), h("ul", null, rest)) : null];
}

function tabBar(tabs, choose) {
  const buttons = tabs.map(([id, panel, text], at) => h("button", {
    type: "button", id, role: "tab", "aria-controls": panel, "aria-selected": String(at === 0), tabindex: at === 0 ? "0" : "-1",
    onclick: () => activate(at),
  }, text));
  function activate(at) {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === at));
      button.tabIndex = i === at ? 0 : -1;
    });
    choose(tabs[at][1]);
  }
  const bar = h("div", { class: "tabs", role: "tablist", "aria-label": "Views" }, buttons);
  bar.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const at = (buttons.indexOf(document.activeElement) + 1) % buttons.length; // two tabs: both keys lead to the other
    buttons[at].focus();
    activate(at);
  });
  return bar;
}

// Statement or address by count and total time.
function callTable(trace, pick) {
  const groups = new Map();
  for (let i = 0; i < trace.size; i++) {
    const text = trace.group(i);
    if (!text) continue;
    const group = groups.get(text) || { text, service: trace.service(i), calls: 0, total: 0, longest: 0, first: i, place: "" };
    group.calls++;
    group.total += trace.length[i];
    if (trace.length[i] > group.longest) { group.longest = trace.length[i]; group.first = i; }
    group.place = group.place || trace.place(i);
    groups.set(text, group);
  }
  if (!groups.size) return h("div", { class: "empty" }, h("h2", null, "No queries or requests"), h("p", null, "No span of this trace carries a statement or an address that it called."));
  return sortable("Calls by statement", [
    { title: "Statement or address", value: (r) => r.text, cell: (r) => [
      h("button", { type: "button", class: "statement", title: "Show the slowest one", onclick: () => pick(r.first) }, r.text),
      r.place ? h("code", { class: "place note", title: r.place }, shortPlace(r.place)) : null] },
    { title: "Count", number: true, value: (r) => r.calls, cell: (r) => count(r.calls) },
    { title: "Total", number: true, value: (r) => r.total, cell: (r) => duration(r.total) },
    { title: "Longest", number: true, narrow: true, value: (r) => r.longest, cell: (r) => duration(r.longest) },
    { title: "Share", number: true, narrow: true, value: (r) => r.total, cell: (r) => percent(Math.min(1, r.total / trace.end)) },
  ], [...groups.values()], { by: 2 });
}

async function neighbour(trace, go, step) {
  const { info } = trace;
  const text = `service:${JSON.stringify(info.service)} name:${JSON.stringify(info.name)}`;
  const { traces } = await get("/api/ui/traces", { q: text, limit: 500 });
  const at = traces.findIndex((one) => one.id === info.id);
  const other = at < 0 ? undefined : traces[at - step];
  if (other) go(`/trace/${other.id}`);
  else say(step > 0 ? "This is the newest" : "This is the oldest");
}

function key(waterfall, name) {
  waterfall.grid.dispatchEvent(new KeyboardEvent("keydown", { key: name, cancelable: true }));
}
