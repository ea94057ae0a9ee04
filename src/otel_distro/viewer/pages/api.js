// SPDX-License-Identifier: Apache-2.0
// Asks the viewer. Every failure is an ApiError with a sentence for a person.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function get(path, parameters = {}, signal = undefined) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  const text = query.toString();
  let response;
  try {
    response = await fetch(text ? `${path}?${text}` : path, { signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The viewer does not answer. Is it running? Start it with: otel-distro ui start");
  }
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return response.json();
}

export async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    credentials: "same-origin",
    headers: { "Content-Type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return response.json();
}

async function reason(response) {
  const text = await response.text();
  try {
    const value = JSON.parse(text);
    return value.error || (value.errors && value.errors[0].msg) || text;
  } catch {
    return text.trim() || `The viewer answered ${response.status}.`;
  }
}
