// SPDX-License-Identifier: Apache-2.0
// The tree of spans over time. Only the rows in sight exist, so that 50,000 spans scroll like fifty.
// WAI-ARIA treegrid: one stop for Tab, arrows inside, the current row by aria-activedescendant.

import { clean, h, put, say } from "./dom.js";
import { duration } from "./format.js";

const ROW = 26;
const HEAD = 31;
const SPARE = 8;

export class Waterfall {
  constructor(trace, { onSelect, onOpen }) {
    this.trace = trace;
    this.onSelect = onSelect;
    this.onOpen = onOpen;
    this.collapsed = new Set();
    this.order = trace.order;
    this.position = new Map();
    this.from = 0;
    this.to = trace.end;
    this.selected = -1;
    this.marked = new Set();
    this.pool = [];
    this.sheet = h("div", { class: "sheet", role: "rowgroup" });
    this.ruler = h("div", { class: "ruler", "aria-hidden": "true" });
    this.grid = h("div", {
      class: "waterfall", role: "treegrid", tabindex: "0", "aria-label": "Spans over time",
      "aria-rowcount": this.order.length + 1, "aria-colcount": 3,
    },
    h("div", { class: "wf-head", role: "row", "aria-rowindex": 1 },
      h("span", { role: "columnheader", class: "wf-name" }, "Span"),
      h("span", { role: "columnheader", class: "wf-time" }, h("span", { class: "unseen" }, "Time"), this.ruler),
      h("span", { role: "columnheader", class: "wf-dur" }, "Duration")),
    this.sheet);
    this.overview = h("canvas", { class: "overview", "aria-hidden": "true", title: "Drag to zoom, double click to see all" });
    this.element = h("div", { class: "wf" }, this.overview, this.grid);
    this.grid.addEventListener("scroll", () => this.draw(), { passive: true });
    this.grid.addEventListener("keydown", (event) => this.#key(event));
    this.grid.addEventListener("focus", () => { if (this.selected < 0) this.select(this.order[0]); });
    this.sheet.addEventListener("click", (event) => this.#click(event));
    this.sheet.addEventListener("dblclick", () => this.onOpen(this.selected));
    this.observer = new ResizeObserver(() => { this.draw(true); this.#overview(); });
    this.observer.observe(this.grid);
    this.#zoomByDrag();
    this.#layout();
  }

  close() {
    this.observer.disconnect();
  }

  // Shows what the analysis adds: the critical path and own times.
  refresh() {
    this.draw(true);
    this.#overview();
  }

  mark(ids) {
    this.marked = new Set(ids.map((id) => this.trace.indexOf.get(id)).filter((i) => i !== undefined));
    this.draw(true);
    this.#overview();
  }

  select(index, { quiet = false } = {}) {
    if (index === undefined || index < 0) return;
    for (let up = this.trace.parent[index]; up >= 0; up = this.trace.parent[up]) {
      if (this.collapsed.delete(up)) this.dirty = true;
    }
    if (this.dirty) this.#layout();
    this.selected = index;
    this.#reveal(this.position.get(index));
    this.draw(true);
    if (!quiet) this.onSelect(index);
  }

  move(by) {
    const here = this.position.get(this.selected) ?? -1;
    this.select(this.order[Math.max(0, Math.min(this.order.length - 1, here + by))]);
  }

  // The next span, in the order of the tree, for which test holds; round to the beginning.
  find(test, back = false) {
    const order = this.trace.order;
    if (!this.treePosition) this.treePosition = new Map(order.map((index, at) => [index, at]));
    const here = this.treePosition.get(this.selected) ?? -1;
    for (let step = 1; step <= order.length; step++) {
      const at = (here + (back ? -step : step) + 2 * order.length) % order.length;
      if (test(order[at])) { this.select(order[at]); return true; }
    }
    return false;
  }

  toggle(index) {
    if (!this.trace.below[index]) return;
    if (!this.collapsed.delete(index)) this.collapsed.add(index);
    this.#layout();
    this.draw(true);
  }

  collapseAll() {
    if (this.collapsed.size) this.collapsed.clear();
    else for (let i = 0; i < this.trace.size; i++) if (this.trace.below[i] && this.trace.depth[i] > 0) this.collapsed.add(i);
    this.#layout();
    if (!this.position.has(this.selected)) this.selected = this.order[0];
    this.draw(true);
    say(this.collapsed.size ? "Only the first level is shown" : "All spans are shown");
  }

  zoom(from, to) {
    this.from = Math.max(0, from);
    this.to = Math.min(this.trace.end, Math.max(to, this.from + this.trace.end / 1e6));
    this.draw(true);
    this.#overview();
  }

  zoomOn(index) {
    const { start, length, end } = this.trace;
    const around = Math.max(length[index] * 0.05, end / 1e5);
    this.zoom(start[index] - around, start[index] + length[index] + around);
  }

  #layout() {
    this.dirty = false;
    this.order = this.collapsed.size ? this.trace.visible(this.collapsed) : this.trace.order;
    this.position = new Map(this.order.map((index, at) => [index, at]));
    this.sheet.style.height = `${this.order.length * ROW}px`;
    this.grid.style.height = `${Math.max(6, this.order.length) * ROW + HEAD}px`; // CSS keeps it inside the window
    this.grid.setAttribute("aria-rowcount", String(this.order.length + 1));
  }

  #reveal(at) {
    const head = this.grid.firstChild.offsetHeight;
    const top = at * ROW, height = this.grid.clientHeight - head;
    if (top < this.grid.scrollTop) this.grid.scrollTop = Math.max(0, top - ROW);
    else if (top + ROW > this.grid.scrollTop + height) this.grid.scrollTop = top + 2 * ROW - height;
  }

  draw(all = false) {
    const height = this.grid.clientHeight || 600;
    const first = Math.max(0, Math.floor(this.grid.scrollTop / ROW) - SPARE);
    const count = Math.min(this.order.length - first, Math.ceil(height / ROW) + 2 * SPARE);
    while (this.pool.length < count) this.pool.push(this.#row());
    if (all) this.#ruler();
    for (let slot = 0; slot < this.pool.length; slot++) {
      // a row keeps its place in the pool while it stays in sight
      const at = first + ((slot - first) % this.pool.length + this.pool.length) % this.pool.length;
      const row = this.pool[slot];
      if (at >= first + count) { if (row.at >= 0) { row.element.remove(); row.at = -1; } continue; }
      if (row.at === at && !all) continue;
      const attached = row.at >= 0;
      row.at = at;
      this.#fill(row, at);
      if (!attached) this.sheet.append(row.element);
    }
    const here = this.position.get(this.selected);
    if (here >= first && here < first + count) this.grid.setAttribute("aria-activedescendant", `span-${this.selected}`);
    else this.grid.removeAttribute("aria-activedescendant");
  }

  #row() {
    const parts = {
      twig: h("span", { class: "twig", "aria-hidden": "true" }),
      dot: h("i", { class: "dot" }),
      title: h("span", { class: "title" }),
      service: h("span", { class: "service" }),
      bar: h("span", { class: "bar" }),
      path: h("span", { class: "path" }),
      mark: h("span", { class: "at" }),
      length: h("span", { role: "gridcell", class: "wf-dur" }),
    };
    const name = h("span", { role: "gridcell", class: "wf-name" }, parts.twig, parts.dot, parts.title, parts.service);
    const time = h("span", { role: "gridcell", class: "wf-time" }, parts.bar, parts.path, parts.mark);
    return { at: -1, name, ...parts, element: h("div", { role: "row", class: "wf-row" }, name, time, parts.length) };
  }

  #fill(row, at) {
    const { trace } = this;
    const i = this.order[at];
    const { element } = row;
    element.id = `span-${i}`;
    element.style.transform = `translateY(${at * ROW}px)`;
    element.dataset.index = i;
    const open = trace.below[i] ? String(!this.collapsed.has(i)) : null;
    const depth = trace.depth[i];
    attribute(element, "aria-rowindex", String(at + 2));
    attribute(element, "aria-level", String(depth + 1));
    attribute(element, "aria-expanded", open);
    attribute(element, "aria-selected", i === this.selected ? "true" : "false");
    const failed = trace.failed(i);
    element.className = `wf-row${i === this.selected ? " selected" : ""}${failed ? " failed" : ""}${this.marked.has(i) ? " marked" : ""}`;
    row.name.style.paddingLeft = `${6 + Math.min(depth, 20) * 12}px`;
    row.twig.textContent = open === null ? "" : open === "true" ? "▾" : "▸";
    row.title.textContent = clean(trace.name(i) || "(no name)");
    row.title.title = clean(trace.group(i) || trace.name(i));
    const service = trace.service(i);
    const parent = trace.parent[i];
    row.service.textContent = parent < 0 || trace.service(parent) !== service ? clean(service) : "";
    const hue = trace.hue(i);
    row.dot.className = `dot c${hue}`;
    const wide = this.to - this.from;
    const left = ((trace.start[i] - this.from) / wide) * 100, width = (trace.length[i] / wide) * 100;
    const shownLeft = Math.max(-1, Math.min(101, left)), shownRight = Math.max(-1, Math.min(101, left + width));
    row.bar.className = `bar c${hue}${failed ? " failed" : ""}`;
    row.bar.style.left = `${shownLeft}%`;
    row.bar.style.width = `max(2px, ${shownRight - shownLeft}%)`;
    const place = trace.place(i);
    const text = [trace.exception(i), place ? place.split(/[\\/]/).pop() : ""].filter(Boolean)[0] || "";
    row.mark.textContent = clean(text.slice(0, 60));
    row.mark.className = shownRight > 60 ? "at before" : "at";
    if (shownRight > 60) { row.mark.style.left = "auto"; row.mark.style.right = `calc(${100 - shownLeft}% + 4px)`; }
    else { row.mark.style.left = `calc(${shownRight}% + 6px)`; row.mark.style.right = "auto"; }
    this.#path(row.path, i, wide);
    row.length.textContent = duration(trace.length[i]);
    row.length.title = trace.own ? `own time ${duration(trace.own[i])}` : "";
  }

  // The parts of a span that the trace waited for.
  #path(element, i, wide) {
    const parts = this.trace.path?.get(i);
    if (!parts) { element.hidden = true; return; }
    element.hidden = false;
    const stops = [];
    for (const [from, to] of [...parts].sort((a, b) => a[0] - b[0]).slice(0, 40)) {
      const left = ((from - this.from) / wide) * 100, right = ((to - this.from) / wide) * 100;
      if (right < 0 || left > 100) continue;
      stops.push(`transparent ${left.toFixed(2)}%, var(--path) ${left.toFixed(2)}%, var(--path) ${Math.max(right, left + 0.15).toFixed(2)}%, transparent ${Math.max(right, left + 0.15).toFixed(2)}%`);
    }
    element.style.backgroundImage = stops.length ? `linear-gradient(90deg, ${stops.join(", ")})` : "none";
  }

  #ruler() {
    const parts = [];
    for (const part of [0, 0.25, 0.5, 0.75]) {
      const tick = h("span", null, duration(this.from + (this.to - this.from) * part));
      tick.style.left = `${part * 100}%`;
      parts.push(tick);
    }
    put(this.ruler, parts);
  }

  #click(event) {
    const row = event.target.closest(".wf-row");
    if (!row) return;
    const index = Number(row.dataset.index);
    if (event.target.classList.contains("twig")) this.toggle(index);
    this.select(index);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.grid.clientHeight / ROW) - 2);
    const { selected, trace } = this;
    const actions = {
      ArrowDown: () => this.move(1),
      ArrowUp: () => this.move(-1),
      PageDown: () => this.move(page),
      PageUp: () => this.move(-page),
      Home: () => this.select(this.order[0]),
      End: () => this.select(this.order[this.order.length - 1]),
      ArrowRight: () => (this.collapsed.has(selected) ? this.toggle(selected) : trace.first[selected] >= 0 && this.select(trace.first[selected])),
      ArrowLeft: () => (trace.below[selected] && !this.collapsed.has(selected) ? this.toggle(selected) : trace.parent[selected] >= 0 && this.select(trace.parent[selected])),
      Enter: () => this.onOpen(selected),
      " ": () => this.toggle(selected),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }

  // All spans at a glance, each one line; the part in sight is bright.
  #overview() {
    const canvas = this.overview;
    const width = canvas.clientWidth, height = canvas.clientHeight;
    if (!width || !height) return;
    const scale = window.devicePixelRatio || 1;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const style = getComputedStyle(canvas);
    const colours = Array.from({ length: 12 }, (_, n) => style.getPropertyValue(`--c${n}`));
    const bad = style.getPropertyValue("--bad"), path = style.getPropertyValue("--path");
    const { trace } = this;
    const step = height / trace.size;
    const thick = Math.max(1, Math.min(4, step - 0.5));
    for (let at = 0; at < trace.size; at++) {
      const i = trace.order[at];
      context.fillStyle = trace.failed(i) ? bad : colours[trace.hue(i)];
      context.fillRect((trace.start[i] / trace.end) * width, at * step, Math.max(1, (trace.length[i] / trace.end) * width), thick);
    }
    if (trace.path) {
      context.fillStyle = path;
      for (const parts of trace.path.values()) {
        for (const [from, to] of parts) context.fillRect((from / trace.end) * width, height - 2, Math.max(1, ((to - from) / trace.end) * width), 2);
      }
    }
    context.fillStyle = style.getPropertyValue("--veil");
    context.fillRect(0, 0, (this.from / trace.end) * width, height);
    context.fillRect((this.to / trace.end) * width, 0, width, height);
  }

  #zoomByDrag() {
    const at = (event) => {
      const box = this.overview.getBoundingClientRect();
      return Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * this.trace.end;
    };
    let begun = null;
    this.overview.addEventListener("pointerdown", (event) => {
      begun = at(event);
      this.overview.setPointerCapture(event.pointerId);
    });
    this.overview.addEventListener("pointermove", (event) => {
      if (begun === null) return;
      const now = at(event);
      if (Math.abs(now - begun) > this.trace.end / 200) this.zoom(Math.min(begun, now), Math.max(begun, now));
    });
    this.overview.addEventListener("pointerup", () => { begun = null; });
    this.overview.addEventListener("dblclick", () => this.zoom(0, this.trace.end));
  }
}

function attribute(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
