// SPDX-License-Identifier: Apache-2.0
// Single keys, as in other list tools. They rest while somebody types and while a dialog is open.

import { h, put } from "./dom.js";

const everywhere = new Map();
let here = new Map();

export function globalKeys(table) {
  for (const [key, [text, run]] of Object.entries(table)) everywhere.set(key, { text, run });
}

// The keys of the page that is shown; replaces those of the page before.
export function pageKeys(table) {
  here = new Map(Object.entries(table).map(([key, [text, run]]) => [key, { text, run }]));
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = event.target;
  const typing = target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
  if (typing && event.key === "Escape") { target.blur(); return; }
  if (typing || document.querySelector("dialog[open]")) return;
  const found = here.get(event.key) || everywhere.get(event.key);
  if (found) {
    event.preventDefault();
    found.run();
  }
});

export function showHelp() {
  const dialog = document.getElementById("keys-help");
  const rows = [...here, ...everywhere].map(([key, { text }]) =>
    h("tr", null, h("th", { scope: "row" }, h("kbd", null, key === " " ? "Space" : key)), h("td", null, text)));
  put(dialog,
    h("h2", { id: "keys-title" }, "Keys on this page"),
    h("table", { class: "plain" }, h("tbody", null, rows)),
    h("form", { method: "dialog" }, h("button", { class: "primary" }, "Close")));
  dialog.showModal();
}
