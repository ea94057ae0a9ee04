// SPDX-License-Identifier: Apache-2.0
// Who calls whom: services and what they use, in layers from callers to called.

import { get } from "./api.js";
import { clean, h, put, svg } from "./dom.js";
import { colour, count, percent } from "./format.js";
import { rangeBar, sortable, startOf } from "./table.js";

const WIDE = 190, HIGH = 46, GAP_X = 90, GAP_Y = 22;
const KIND = { call: "calls", db: "database", http: "outside", messaging: "queue" };

export async function show(main, { query, go }) {
  const { services, edges } = await get("/api/ui/map", { start: startOf(query) });
  const nodes = new Map(services.map((name) => [name, { name, kind: "service" }]));
  for (const edge of edges) {
    if (!nodes.has(edge.parent)) nodes.set(edge.parent, { name: edge.parent, kind: "service" });
    if (!nodes.has(edge.child)) nodes.set(edge.child, { name: edge.child, kind: edge.kind === "call" ? "service" : edge.kind });
  }
  put(main,
    h("div", { class: "head" }, h("h1", null, "Service map"), rangeBar("/map", query, go)),
    nodes.size ? h("div", { class: "scroll map", tabindex: "0", role: "region", "aria-label": "Drawing of the service map; the table below says the same" }, draw([...nodes.values()], edges)) : h("div", { class: "empty" }, h("h2", null, "No services yet"), h("p", null, "They appear with the first trace.")),
    edges.length ? sortable("Calls between services", [
      { title: "From", value: (r) => r.parent, cell: (r) => r.parent },
      { title: "To", value: (r) => r.child, cell: (r) => [r.child, " ", h("span", { class: "note" }, KIND[r.kind])] },
      { title: "Calls", number: true, value: (r) => r.calls, cell: (r) => count(r.calls) },
      { title: "Errors", number: true, value: (r) => r.errors / r.calls, cell: (r) => (r.errors ? h("span", { class: "bad-text" }, percent(r.errors / r.calls)) : "0 %") },
    ], edges, { by: 2 }) : null);
}

function draw(nodes, edges) {
  place(nodes, edges);
  const at = new Map(nodes.map((node) => [node.name, node]));
  const width = Math.max(...nodes.map((node) => node.x)) + WIDE + 20;
  const height = Math.max(...nodes.map((node) => node.y)) + HIGH + 20;
  const most = Math.max(1, ...edges.map((edge) => edge.calls));
  const lines = edges.filter((edge) => edge.parent !== edge.child).map((edge) => {
    const [from, to] = [at.get(edge.parent), at.get(edge.child)];
    const forward = to.x > from.x;
    const [x1, x2] = forward ? [from.x + WIDE, to.x] : [from.x + WIDE / 2, to.x + WIDE / 2];
    const [y1, y2] = forward ? [from.y + HIGH / 2, to.y + HIGH / 2] : [from.y + HIGH, to.y + HIGH];
    const bend = forward ? `C ${x1 + GAP_X / 2} ${y1}, ${x2 - GAP_X / 2} ${y2}` : `C ${x1} ${y1 + 40}, ${x2} ${y2 + 40}`;
    const thick = 1 + 4 * (Math.log(edge.calls + 1) / Math.log(most + 1));
    return svg("g", { class: edge.errors ? "edge failed" : "edge" },
      svg("path", { d: `M ${x1} ${y1} ${bend}, ${x2} ${y2}`, "stroke-width": thick.toFixed(1), "marker-end": "url(#arrow)" }),
      svg("text", { x: forward ? x2 - 8 : (x1 + x2) / 2, y: (forward ? y2 : Math.max(y1, y2) + 40) - 6, "text-anchor": forward ? "end" : "middle" }, count(edge.calls)));
  });
  const boxes = nodes.map((node) => svg("a", { href: node.kind === "service" ? `/?q=${encodeURIComponent(`service:${JSON.stringify(node.name)}`)}` : "/?q=", class: `node is-${node.kind}` },
    svg("rect", { x: node.x, y: node.y, width: WIDE, height: HIGH, rx: node.kind === "db" ? 22 : 8 }),
    svg("circle", { cx: node.x + 18, cy: node.y + HIGH / 2, r: 6, class: node.kind === "service" ? `c${colour(node.name)}` : "plain" }),
    svg("text", { x: node.x + 32, y: node.y + (node.kind === "service" ? HIGH / 2 + 5 : HIGH / 2 - 2) }, short(node.name)),
    node.kind === "service" ? null : svg("text", { x: node.x + 32, y: node.y + HIGH / 2 + 13, class: "sub" }, KIND[node.kind]),
    svg("title", null, node.name)));
  return svg("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Service map" },
    svg("defs", null, svg("marker", { id: "arrow", viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" }, svg("path", { d: "M 0 0 L 10 5 L 0 10 z", class: "arrow" }))),
    lines, boxes);
}

// Layers by the longest way from a caller; inside a layer by the middle of the callers.
function place(nodes, edges) {
  const layer = new Map(nodes.map((node) => [node.name, 0]));
  for (let round = 0; round < nodes.length; round++) {
    let moved = false;
    for (const { parent, child } of edges) {
      if (parent === child) continue;
      const wanted = layer.get(parent) + 1;
      if (wanted > layer.get(child) && wanted < nodes.length && wanted <= round + 1) { layer.set(child, wanted); moved = true; }
    }
    if (!moved) break;
  }
  const layers = [];
  for (const node of nodes) (layers[layer.get(node.name)] ||= []).push(node);
  const row = new Map();
  layers.filter(Boolean).forEach((members, x) => {
    const middle = (node) => {
      const above = edges.filter((edge) => edge.child === node.name && row.has(edge.parent)).map((edge) => row.get(edge.parent));
      return above.length ? above.reduce((sum, y) => sum + y, 0) / above.length : 0;
    };
    members.sort((a, b) => middle(a) - middle(b) || (a.name < b.name ? -1 : 1));
    members.forEach((node, y) => {
      node.x = 10 + x * (WIDE + GAP_X);
      node.y = 10 + y * (HIGH + GAP_Y);
      row.set(node.name, y);
    });
  });
}

function short(name) {
  const text = clean(name);
  return text.length > 20 ? `${text.slice(0, 19)}…` : text;
}
