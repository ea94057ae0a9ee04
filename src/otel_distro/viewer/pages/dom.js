// SPDX-License-Identifier: Apache-2.0
// Elements are built from text nodes only: whatever telemetry says is shown, never run.

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;
const SVG = "http://www.w3.org/2000/svg";

// Control, invisible and direction characters become visible escapes; line breaks and tabs stay.
export function clean(value) {
  return String(value).replace(CONTROL, (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.setAttribute("class", value);
    else if (name === "dataset") Object.assign(element.dataset, value);
    else element.setAttribute(name, value === true ? "" : clean(value));
  }
  for (const child of children.flat(3)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : clean(child));
  }
  return element;
}

export function h(tag, attributes, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

// Replaces what an element holds.
export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, null, children);
}

// Tells screen readers; nothing is seen.
export function say(text) {
  document.getElementById("said").textContent = clean(text);
}

export function copyButton(text, label = "Copy") {
  const button = h("button", { type: "button", class: "small" }, label);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
      button.textContent = "Copied";
      say("Copied");
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  });
  return button;
}

// An address from telemetry becomes a link only when it is http or https.
export function linkOrText(value) {
  const text = String(value);
  if (!/^https?:\/\//i.test(text)) return clean(text);
  try {
    return h("a", { href: new URL(text).href, rel: "noopener noreferrer", target: "_blank" }, text);
  } catch {
    return clean(text);
  }
}
