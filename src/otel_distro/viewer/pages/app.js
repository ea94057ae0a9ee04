// SPDX-License-Identifier: Apache-2.0
// Which page is shown; what all pages share.

import { get } from "./api.js";
import { h, put, say } from "./dom.js";
import { globalKeys, pageKeys, showHelp } from "./keys.js";

const pages = {
  list: () => import("./list.js"),
  trace: () => import("./trace.js"),
  errors: () => import("./errors.js"),
  endpoints: () => import("./endpoints.js"),
  map: () => import("./map.js"),
  compare: () => import("./compare.js"),
};
const titles = { list: "Traces", trace: "Trace", errors: "Errors", endpoints: "Endpoints", map: "Map", compare: "Compare" };
const main = document.getElementById("main");
let leave = () => {};
let shown = 0;

function pageOf(path) {
  const [first, second] = path.split("/").filter(Boolean);
  if (first === "trace" && second) return ["trace", second];
  return [first in pages ? first : "list", second];
}

async function show() {
  const turn = ++shown;
  leave();
  leave = () => {};
  pageKeys({});
  const [name, argument] = pageOf(location.pathname);
  document.title = `${titles[name]} · otel-distro`;
  for (const link of document.querySelectorAll("nav [data-page]")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  try {
    const early = name === "trace" ? get(`/api/ui/traces/${argument.toLowerCase()}`) : null; // while its script loads
    early?.catch(() => {}); // told when the page waits for it
    const module = await pages[name]();
    if (turn !== shown) return;
    leave = (await module.show(main, { argument, query: new URLSearchParams(location.search), go, fail, early })) || (() => {});
    if (turn !== shown) leave();
  } catch (error) {
    if (error.name !== "AbortError" && turn === shown) fail(error);
  }
}

export function go(path, { replace = false } = {}) {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  show();
}

// What a person can do about an error, instead of the page.
function fail(error) {
  if (error.status === 401) {
    put(main, h("div", { class: "empty" },
      h("h1", null, "This browser has not been let in yet"),
      h("p", null, "Traces can hold private data, so the viewer shows them only to you. Open it once from a terminal:"),
      h("pre", null, "otel-distro ui open"),
      h("p", null, "or paste the address that ", h("code", null, "otel-distro ui url"), " prints.")));
  } else {
    put(main, h("div", { class: "empty" },
      h("h1", null, error.status === 404 ? "Not here" : "That did not work"),
      h("p", null, error.message),
      h("p", null, h("a", { href: "/" }, "All traces"))));
  }
  say(error.message);
  main.setAttribute("aria-busy", "false");
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || link.target || link.hasAttribute("download")) return;
  const url = new URL(link.href, location.href);
  if (url.origin !== location.origin || url.pathname.startsWith("/api/")) return;
  if (url.hash && url.pathname === location.pathname) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
window.addEventListener("popstate", show);

const themes = ["", "light", "dark"];
function setTheme(theme) {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  document.getElementById("theme").textContent = theme ? `Theme: ${theme}` : "Theme";
}
setTheme(localStorage.getItem("theme") || "");
document.getElementById("theme").addEventListener("click", () => {
  const next = themes[(themes.indexOf(localStorage.getItem("theme") || "") + 1) % themes.length];
  localStorage.setItem("theme", next);
  setTheme(next);
});
document.getElementById("help").addEventListener("click", showHelp);
globalKeys({
  "?": ["Show this help", showHelp],
  t: ["All traces", () => go("/")],
  m: ["Service map", () => go("/map")],
});

async function notices() {
  try {
    const status = await get("/api/ui/status");
    const lines = [...status.problems];
    if (status.refused_requests) lines.push(`${status.refused_requests} requests with spans were refused: more arrived than could be stored.`);
    put(document.getElementById("notices"), lines.map((text) => h("p", { class: "notice", role: "note" }, text)));
  } catch {
    put(document.getElementById("notices")); // the page itself says what is wrong
  }
}
notices();
setInterval(notices, 30000);
show();
