// SPDX-License-Identifier: Apache-2.0
// The list of traces: search, live tail, and where the slow ones are.

import { get } from "./api.js";
import { h, put, say, svg } from "./dom.js";
import { bytes, clock, colour, count, day, duration, moment } from "./format.js";
import { pageKeys } from "./keys.js";

const RANGES = [["", "Any time"], ["900", "Last 15 min"], ["3600", "Last hour"], ["86400", "Last day"]];
const PAGE = 50;

export async function show(main, { query, go, fail }) {
  const state = { q: query.get("q") || "", range: query.get("range") || "", limit: Number(query.get("limit")) || PAGE, live: true, rows: [], selected: -1, known: null };
  const stop = new AbortController();

  const input = h("input", {
    type: "search", id: "q", name: "q", value: state.q, list: "suggestions", autocomplete: "off", spellcheck: "false",
    placeholder: "service:shop duration>200ms http.route=/orders/ status:error",
    "aria-label": "Search traces", "aria-keyshortcuts": "/",
  });
  const suggestions = h("datalist", { id: "suggestions" });
  const range = h("select", { "aria-label": "Time" }, RANGES.map(([value, text]) => h("option", { value, selected: value === state.range }, text)));
  const live = h("button", { type: "button", class: "live", "aria-pressed": "true", title: "Follow new traces (.)" }, "Live");
  const form = h("form", { class: "search", role: "search" }, input, suggestions, range, h("button", { class: "primary" }, "Search"), live);
  const quick = h("p", { class: "quick" }, "Try ",
    ["status:error", "duration>500ms", "db.system.name=*", "http.response.status_code>=500"].flatMap((text, i) => [i ? " · " : "", h("a", { href: `/?q=${encodeURIComponent(text)}` }, text)]));
  const chart = h("div", { class: "scatter" });
  const note = h("p", { class: "note" });
  const list = h("ol", { class: "traces", "aria-label": "Traces" });
  const more = h("button", { type: "button", hidden: true }, "Show more");
  put(main, h("h1", { class: "unseen" }, "Traces"), form, quick, chart, note, list, more);
  main.setAttribute("aria-busy", "true");

  const address = () => {
    const parameters = new URLSearchParams();
    if (input.value.trim()) parameters.set("q", input.value.trim());
    if (range.value) parameters.set("range", range.value);
    const text = parameters.toString();
    return text ? `/?${text}` : "/";
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); go(address()); });
  range.addEventListener("change", () => go(address()));
  more.addEventListener("click", () => { state.limit = Math.min(500, state.limit * 2); load(); });
  input.addEventListener("input", () => suggest(input, suggestions));

  let loading = false;
  let again = false;
  async function load() {
    if (loading) { again = true; return; }
    loading = true;
    try {
      const start = state.range ? Date.now() * 1000 - Number(state.range) * 1e6 : undefined;
      const answer = await get("/api/ui/traces", { q: state.q, start, limit: state.limit }, stop.signal);
      await render(answer);
    } catch (error) {
      if (error.name !== "AbortError") { if (state.known === null) fail(error); else note.textContent = error.message; }
    }
    loading = false;
    if (again) { again = false; load(); }
  }

  async function render(answer) {
    main.setAttribute("aria-busy", "false");
    const fresh = state.known === null ? new Set() : new Set(answer.traces.map((t) => t.id).filter((id) => !state.known.has(id)));
    state.known = new Set(answer.traces.map((trace) => trace.id));
    const selectedId = state.rows[state.selected]?.id;
    state.rows = answer.traces;
    state.selected = state.rows.findIndex((trace) => trace.id === selectedId);
    const parts = [];
    if (answer.problem) parts.push(answer.problem + ".");
    if (!answer.complete) parts.push(`Looked back to ${moment(answer.looked_back_to)} only; narrow the time to look further.`);
    put(note, parts.join(" "));
    if (!answer.traces.length) {
      put(chart);
      more.hidden = true;
      put(list, await emptyState(state));
      return;
    }
    const longest = Math.max(...answer.traces.map((trace) => trace.duration));
    put(list, answer.traces.map((trace, i) => item(trace, longest, fresh.has(trace.id), i === state.selected)));
    put(chart, scatter(answer.traces));
    more.hidden = answer.traces.length < state.limit || state.limit >= 500;
    if (fresh.size) say(`${fresh.size} new traces`);
  }

  function select(index) {
    const links = list.querySelectorAll("li > a");
    if (!links.length) return;
    state.selected = Math.max(0, Math.min(index, links.length - 1));
    links[state.selected].focus();
  }
  list.addEventListener("focusin", (event) => {
    const links = [...list.querySelectorAll("li > a")];
    state.selected = links.indexOf(event.target);
  });

  const events = new EventSource("/api/ui/live");
  events.addEventListener("changed", () => { if (state.live && document.visibilityState === "visible") load(); });
  events.addEventListener("ready", () => { if (state.known !== null && state.live) load(); });
  events.onerror = () => { live.classList.add("lost"); };
  events.onopen = () => { live.classList.remove("lost"); };
  const follow = () => {
    state.live = !state.live;
    live.setAttribute("aria-pressed", String(state.live));
    live.textContent = state.live ? "Live" : "Paused";
    if (state.live) load();
  };
  live.addEventListener("click", follow);
  document.addEventListener("visibilitychange", load, { signal: stop.signal });

  pageKeys({
    "/": ["Search", () => { input.focus(); input.select(); }],
    j: ["Next trace", () => select(state.selected + 1)],
    k: ["Previous trace", () => select(state.selected - 1)],
    ".": ["Follow new traces, or pause", follow],
    e: ["Traces with errors", () => { input.value = `${state.q} status:error`.trim(); go(address()); }],
  });
  await load();
  return () => { events.close(); stop.abort(); };
}

function item(trace, longest, fresh, selected) {
  const failed = trace.errors > 0;
  const bar = h("span", { class: `bar c${colour(trace.service)}` });
  bar.style.width = `${Math.max(1, (trace.duration / longest) * 100)}%`;
  const status = trace.http_status ? h("span", { class: `http s${Math.floor(trace.http_status / 100)}` }, trace.http_status) : null;
  return h("li", { class: fresh ? "fresh" : null },
    h("a", { href: `/trace/${trace.id}`, class: selected ? "selected" : null },
      h("time", { datetime: new Date(trace.start / 1000).toISOString(), title: day(trace.start) }, clock(trace.start).slice(0, 8)),
      h("span", { class: "what" },
        h("span", { class: "name" }, trace.name || "(no name)"),
        h("span", { class: "service" }, h("i", { class: `dot c${colour(trace.service)}` }), trace.service,
          trace.services.length > 1 ? ` +${trace.services.length - 1}` : "")),
      h("span", { class: "marks" },
        status,
        failed ? h("span", { class: "badge bad" }, trace.errors === 1 ? "error" : `${trace.errors} errors`) : null,
        trace.badges.map((text) => h("span", { class: "badge warn" }, text)),
        trace.complete ? null : h("span", { class: "badge" , title: "The first span has not arrived (yet)" }, "incomplete")),
      h("span", { class: "spans" }, trace.spans === 1 ? "1 span" : `${count(trace.spans)} spans`),
      h("span", { class: "dur" }, duration(trace.duration)),
      h("span", { class: "track", "aria-hidden": "true" }, bar)));
}

// Time to the right, duration upwards (logarithmic); for the eye only, the list says the same.
function scatter(rows) {
  if (rows.length < 3) return null;
  const first = Math.min(...rows.map((r) => r.start)), last = Math.max(...rows.map((r) => r.start));
  const low = Math.log(Math.max(1e5, Math.min(...rows.map((r) => r.duration)))), high = Math.log(Math.max(1e6, ...rows.map((r) => r.duration)));
  const dots = rows.map((row) => {
    const x = last === first ? 50 : 1 + ((row.start - first) / (last - first)) * 98;
    const y = high === low ? 50 : 90 - ((Math.log(Math.max(1e5, row.duration)) - low) / (high - low)) * 80;
    return svg("a", { href: `/trace/${row.id}`, tabindex: "-1" },
      svg("circle", { cx: `${x.toFixed(2)}%`, cy: `${y.toFixed(2)}%`, r: row.errors ? 5 : 4, class: row.errors ? "failed" : `c${colour(row.service)}` }),
      svg("title", null, `${row.name} ${duration(row.duration)}`));
  });
  return h("figure", { "aria-hidden": "true" },
    h("figcaption", null, h("span", null, `up to ${duration(Math.exp(high))}`), h("span", null, moment(first).slice(0, -4)), h("span", null, moment(last).slice(0, -4))),
    svg("svg", null, dots));
}

async function emptyState(state) {
  if (state.q || state.range) {
    return h("li", { class: "empty" },
      h("h2", null, "No trace matches"),
      h("p", null, "All terms must hold. ", h("a", { href: "/" }, "Show all traces"), "."));
  }
  const status = await get("/api/ui/status");
  const otlp = status.ports.otlp || status.ports.ui;
  return h("li", { class: "empty" },
    h("h2", null, "No traces yet"),
    h("p", null, "Start an app with tracing, then use it:"),
    h("pre", null, "otel-distro-run python manage.py runserver"),
    h("p", null, "Any other OpenTelemetry SDK: send OTLP to ", h("code", null, `http://localhost:${otlp}`), "."),
    h("p", { class: "note" }, `At most ${bytes(status.max_bytes)} are kept${status.in_memory ? ", in memory" : ""}; nothing leaves this machine.`));
}

let asked = 0;
async function suggest(input, list) {
  const turn = ++asked;
  const upToHere = input.value.slice(0, input.selectionStart ?? input.value.length);
  const word = upToHere.split(/\s+/).pop() || "";
  const match = /^([\w.-]+)(=|:)(.*)$/.exec(word);
  try {
    const answer = await get("/api/ui/suggest", match ? { key: match[1], prefix: match[3].replace(/^"/, "") } : { prefix: word });
    if (turn !== asked) return;
    const before = upToHere.slice(0, upToHere.length - word.length);
    const keys = match ? [] : ["duration>", "status:error", "spans>"].filter((text) => text.startsWith(word));
    put(list, [...keys, ...answer.values.map((text) => match ? `${match[1]}${match[2]}${/[\s"]/.test(text) ? JSON.stringify(text) : text}` : `${text}=`)]
      .map((text) => h("option", { value: before + text })));
  } catch {
    put(list); // without suggestions the box works as well
  }
}
