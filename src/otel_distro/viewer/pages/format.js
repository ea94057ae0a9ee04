// SPDX-License-Identifier: Apache-2.0
// Numbers for people. Durations are ns, times are µs since the epoch.

export function duration(ns) {
  if (ns === 0) return "0";
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${trim(ns / 1e3)} µs`;
  if (ns < 1e9) return `${trim(ns / 1e6)} ms`;
  if (ns < 6e10) return `${trim(ns / 1e9)} s`;
  return `${Math.floor(ns / 6e10)} min ${Math.round((ns % 6e10) / 1e9)} s`;
}

function trim(value) {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(2).replace(/0$/, "").replace(/\.0$/, "");
}

export function clock(us) {
  const date = new Date(us / 1000);
  const two = (n) => String(n).padStart(2, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function day(us) {
  return new Date(us / 1000).toLocaleDateString(undefined, { month: "short", day: "numeric" });
}

export function moment(us) {
  const today = new Date().toDateString() === new Date(us / 1000).toDateString();
  return today ? clock(us) : `${day(us)} ${clock(us)}`;
}

export function ago(us, nowUs) {
  const seconds = Math.max(0, (nowUs - us) / 1e6);
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

export function count(n) {
  return n.toLocaleString("en").replaceAll(",", " ");
}

export function bytes(n) {
  return n < 1048576 ? `${Math.round(n / 1024)} KB` : `${Math.round(n / 1048576)} MB`;
}

export function percent(part) {
  return part >= 0.1 || part === 0 ? `${Math.round(part * 100)} %` : `${(part * 100).toFixed(1)} %`;
}

// The last part of a path, for narrow places: "shop/models.py:88".
export function shortPlace(place) {
  const parts = place.split(/[\\/]/);
  return parts.slice(-2).join("/");
}

// Which of the twelve colours a service has: the same on every page.
export function colour(service) {
  let hash = 2166136261;
  for (let i = 0; i < service.length; i++) hash = Math.imul(hash ^ service.charCodeAt(i), 16777619);
  return ((hash >>> 8) ^ hash) % 12 & 15;
}
