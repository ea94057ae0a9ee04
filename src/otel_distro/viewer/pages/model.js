// SPDX-License-Identifier: Apache-2.0
// The spans of a trace in columns, made for 50,000 and more. An index is a span's place by start.

import { colour } from "./format.js";

const [ID, PARENT, NAME, SERVICE, KIND, START, DURATION, STATUS, HTTP, GROUP, EXACT, PLACE, EXCEPTION] = Array(13).keys();
export const KINDS = ["", "internal", "server", "client", "producer", "consumer"];

export class Trace {
  constructor(answer) {
    this.info = answer.trace;
    const found = new Map(); // span id -> [row, chunk]: a span that came twice counts once
    for (const chunk of answer.chunks) for (const row of chunk.r) found.set(row[ID], [row, chunk]);
    let entries = [...found.values()];
    let sorted = true;
    for (let i = 1; sorted && i < entries.length; i++) sorted = begin(entries[i - 1]) <= begin(entries[i]);
    if (!sorted) entries = entries.sort((a, b) => begin(a) - begin(b));
    const n = entries.length;
    this.size = n;
    this.entries = entries;
    this.start = new Float64Array(n);
    this.length = new Float64Array(n);
    this.parent = new Int32Array(n).fill(-1);
    this.first = new Int32Array(n).fill(-1); // first child
    this.next = new Int32Array(n).fill(-1); // next sibling
    this.below = new Int32Array(n); // how many children
    this.depth = new Uint16Array(n);
    this.own = null;
    this.path = null;
    this.indexOf = new Map();
    let end = 1;
    for (let i = 0; i < n; i++) {
      const row = entries[i][0];
      this.indexOf.set(row[ID], i);
      this.start[i] = begin(entries[i]);
      this.length[i] = row[DURATION];
      end = Math.max(end, this.start[i] + row[DURATION]);
    }
    const zero = n ? this.start[0] : 0;
    for (let i = 0; i < n; i++) this.start[i] -= zero;
    this.end = end - zero || 1;
    this.#link();
  }

  #link() {
    const n = this.size;
    for (let i = 0; i < n; i++) {
      const parent = this.indexOf.get(this.entries[i][0][PARENT]);
      if (parent !== undefined && parent !== i) this.parent[i] = parent;
    }
    this.#cutCircles();
    const last = new Int32Array(n).fill(-1);
    this.roots = [];
    for (let i = 0; i < n; i++) {
      const parent = this.parent[i];
      if (parent < 0) { this.roots.push(i); continue; }
      if (last[parent] < 0) this.first[parent] = i;
      else this.next[last[parent]] = i;
      last[parent] = i;
      this.below[parent]++;
    }
    this.order = this.visible(new Set());
  }

  #cutCircles() {
    const state = new Uint8Array(this.size);
    for (let i = 0; i < this.size; i++) {
      const steps = [];
      let here = i;
      while (here >= 0 && state[here] === 0) { state[here] = 1; steps.push(here); here = this.parent[here]; }
      if (here >= 0 && state[here] === 1) this.parent[Math.min(...steps.slice(steps.indexOf(here)))] = -1;
      for (const step of steps) state[step] = 2;
    }
  }

  // Indexes in the order of the tree, without what lies below collapsed spans; sets depth.
  visible(collapsed) {
    const order = [];
    const stack = [...this.roots].reverse();
    for (const root of stack) this.depth[root] = 0;
    const children = [];
    while (stack.length) {
      const i = stack.pop();
      order.push(i);
      if (collapsed.has(i)) continue;
      children.length = 0;
      for (let child = this.first[i]; child >= 0; child = this.next[child]) {
        this.depth[child] = Math.min(65535, this.depth[i] + 1);
        children.push(child);
      }
      while (children.length) stack.push(children.pop());
    }
    return order;
  }

  addAnalysis(analysis) {
    if (analysis.count !== this.size) return false;
    this.own = analysis.self;
    this.path = new Map();
    for (const [index, from, to] of analysis.path) {
      if (!this.path.has(index)) this.path.set(index, []);
      this.path.get(index).push([from, to]);
    }
    return true;
  }

  #text(i, column) { const [row, chunk] = this.entries[i]; return chunk.s[row[column]]; }
  id(i) { return this.entries[i][0][ID]; }
  parentId(i) { return this.entries[i][0][PARENT]; }
  chunk(i) { return this.entries[i][1].key; }
  name(i) { return this.#text(i, NAME); }
  service(i) { return this.#text(i, SERVICE); }
  group(i) { return this.#text(i, GROUP); }
  exact(i) { return this.#text(i, EXACT); }
  place(i) { return this.#text(i, PLACE); }
  exception(i) { return this.#text(i, EXCEPTION); }
  kind(i) { return this.entries[i][0][KIND]; }
  failed(i) { return this.entries[i][0][STATUS] === 2; }
  http(i) { return this.entries[i][0][HTTP]; }
  // A span has its service's colour; one that waits for a database has another one.
  hue(i) { return (colour(this.service(i)) + (this.group(i) && !this.isRequest(i) ? 5 : 0)) % 12; }
  isRequest(i) { return /^(GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) \S+$/.test(this.group(i)); }
}

function begin([row, chunk]) {
  return chunk.offset + row[START];
}
