// SPDX-License-Identifier: Apache-2.0
// Lays a statement out over lines and colours its words. Not a parser: it never changes what is copied.

import { h } from "./dom.js";

const TOKEN = /('(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`|--[^\n]*|\/\*[\s\S]*?\*\/|%\(\w+\)s|%s|\$\d+|:\w+|\?|[A-Za-z_][\w$]*|\d+(?:\.\d+)?|<=|>=|<>|!=|\|\||::|[(),;]|[^\s\w])/g;
const KEYWORDS = new Set("SELECT FROM WHERE AND OR NOT IN IS NULL AS ON JOIN LEFT RIGHT INNER OUTER FULL CROSS GROUP BY ORDER HAVING LIMIT OFFSET INSERT INTO VALUES UPDATE SET DELETE RETURNING UNION ALL DISTINCT CASE WHEN THEN ELSE END EXISTS BETWEEN LIKE ILIKE ASC DESC WITH CREATE TABLE INDEX DROP ALTER PRIMARY KEY BEGIN COMMIT ROLLBACK SAVEPOINT RELEASE FOR COUNT SUM MIN MAX AVG COALESCE CAST".split(" "));
const NEW_LINE = new Set("FROM WHERE GROUP ORDER HAVING LIMIT OFFSET UNION VALUES SET RETURNING LEFT RIGHT INNER CROSS FULL JOIN ON".split(" "));
const JOINERS = new Set("LEFT RIGHT INNER OUTER CROSS FULL".split(" "));
const LONGEST = 20000;

export function formatSql(text) {
  if (text.length > LONGEST) return h("pre", { class: "sql" }, text);
  const out = h("pre", { class: "sql" });
  const tokens = text.match(TOKEN) || [];
  const depths = []; // for each open bracket: whether lines break inside
  let indent = 0, column = 0, previous = "", between = false;
  const line = () => { out.append("\n" + "  ".repeat(indent)); column = indent * 2; };
  tokens.forEach((token, at) => {
    const word = token.toUpperCase();
    const plain = KEYWORDS.has(word);
    const nested = depths.length > 0 && !depths[depths.length - 1];
    if (word === "BETWEEN") between = true;
    const breaks = at > 0 && !nested && (
      (NEW_LINE.has(word) && !JOINERS.has(previous) && !(word === "SET" && previous === "ON")) ||
      (word === "AND" && !between) || word === "OR" ||
      (word === "SELECT" && previous === "("));
    if (word === "AND") between = false;
    if (token === ")" && depths.length) {
      if (depths.pop()) { indent -= 1; line(); }
    } else if (breaks) {
      if (word === "AND" || word === "OR" || word === "ON") { out.append("\n" + "  ".repeat(indent + 1)); column = (indent + 1) * 2; } else line();
    } else if (at > 0 && !/^[,;)]$/.test(token) && !/^[(.]$/.test(previous) && token !== "." && !(token === "(" && !KEYWORDS.has(previous))) {
      out.append(" ");
      column += 1;
    } else if (token !== "." && token === "(" && /^(IN|VALUES|AND|OR|EXISTS|FROM|AS|ON)$/.test(previous)) {
      out.append(" ");
    }
    out.append(plain ? h("b", null, token) : /^['\d]/.test(token) ? h("i", null, token) : /^(%|\$|\?|:\w)/.test(token) ? h("em", null, token) : token);
    column += token.length;
    if (token === "(") {
      const opens = (tokens[at + 1] || "").toUpperCase() === "SELECT";
      depths.push(opens);
      if (opens) indent += 1;
    }
    if (token === "," && !nested && column > 72) { out.append("\n" + "  ".repeat(indent + 2)); column = (indent + 2) * 2; previous = "("; return; }
    previous = word;
  });
  return out;
}
