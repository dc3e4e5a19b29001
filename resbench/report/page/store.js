// What the page knows: the rows, what is asked of them, and the address that keeps it.
"use strict";
const byId = (id) => document.getElementById(id);
const store = JSON.parse(byId("data").textContent);
const columns = new Map(store.columns.map((column) => [column.key, column]));

/** The value of a row in a column: a number, a text, or null. */
function value(row, key) {
  const held = store.values[key];
  return Array.isArray(held) ? held[row] : held.words[held.index[row]];
}

/** A number with its digits, thousands apart; "" for what is missing. */
function figure(number, column) {
  if (number === null || number === undefined) return "";
  if (column.si) return scaled(number);
  if (column.digits !== null) return fixed(column.digits).format(number);
  const places = number === 0 ? 0 : Math.max(0, 3 - Math.floor(Math.log10(Math.abs(number))));
  return fixed(Math.min(places, 8)).format(number);
}
/** 4230479872 -> "4.230 G". */
function scaled(number, least = 4, most = 4) {
  const [factor, prefix] = [[1e12, " T"], [1e9, " G"], [1e6, " M"], [1e3, " k"], [1, ""]].find(([size]) => Math.abs(number) >= size) ?? [1, ""];
  return `${(number / factor).toLocaleString("en", { minimumSignificantDigits: least, maximumSignificantDigits: most })}${prefix}`;
}
const formats = new Map();
/** The format with so many digits behind the point; making one takes longer than using it a hundred times. */
function fixed(digits) {
  if (!formats.has(digits))
    formats.set(digits, new Intl.NumberFormat("en", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return formats.get(digits);
}

/** A value in words, with its unit: "51.7 ms". */
function words(row, key) {
  const held = value(row, key), column = columns.get(key);
  if (held === null || held === "") return "";
  return column.kind === "number" ? `${column.before}${figure(held, column)}${column.unit ? ` ${column.unit}` : ""}` : held;
}

/** The two ends of a figure's interval; undefined where it has none. */
function interval(row, column) {
  const ends = column.low && [value(row, column.low), value(row, column.high)];
  return ends?.includes(null) ? undefined : ends;
}
const doubt = (row) => [...new Set([store.noisy.includes(value(row, "noise")) ? value(row, "noise") : "", value(row, "doubt")])].filter(Boolean).join(", ");
const isNoisy = (row) => doubt(row) !== "";
const asked = (key) => store[key].find(({ name }) => name === state[key]);
const groups = new Map();
/** The series of a row, in words. */
function group(row) {
  if (!groups.has(state.by)) groups.set(state.by, []);
  return (groups.get(state.by)[row] ??= joined(row, asked("by").keys));
}
const joined = (row, keys) => keys.map((key) => words(row, key)).filter(Boolean).join(", ");
const labels = [];
const label = (row) => (labels[row] ??= joined(row, store.label));

// What is asked, with the defaults that the address leaves out.
const defaults = {
  q: "", x: store.x[0].name, y: store.y[0].name, by: store.by[0].name, log: "1", front: "1", sort: "", page: "1", size: "25", record: "",
  ...Object.fromEntries(store.facets.map((key) => [key, ""])),
};
const state = { ...defaults };

function readAddress() {
  const held = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(defaults)) state[key] = held.get(key) ?? defaults[key];
  for (const key of ["x", "y", "by"]) if (!store[key].some(({ name }) => name === state[key])) state[key] = defaults[key];
}

function writeAddress() {
  const address = new URLSearchParams();
  for (const [key, held] of Object.entries(state)) if (held !== defaults[key]) address.set(key, held);
  history.replaceState(null, "", `#${address}`);
}

const CONDITION = /^([a-z0-9_]+)(<=|>=|!=|<|>|=)(.*)$/i;
const COMPARED = {
  "<": (a, b) => a < b, "<=": (a, b) => a <= b, ">": (a, b) => a > b, ">=": (a, b) => a >= b,
  "=": (a, b) => a === b, "!=": (a, b) => a !== b,
};

/** What one word of a search asks of a row: a condition on a column, or that the word stands in a text. */
function asks(word) {
  const [, key, sign, right] = CONDITION.exec(word) ?? [];
  const column = columns.get(key);
  if (column && column.kind === "number" && right && Number.isFinite(Number(right)))
    return (row) => value(row, key) !== null && COMPARED[sign](value(row, key), Number(right));
  if (column && column.kind === "text" && (sign === "=" || sign === "!="))
    return (row) => COMPARED[sign](String(value(row, key) ?? "").toLowerCase(), right);
  return (row) => textOf(row).includes(word);
}

const texts = store.columns.filter((column) => column.kind === "text").map((column) => column.key);
const lowered = new Map();
function textOf(row) {
  if (!lowered.has(row)) lowered.set(row, texts.map((key) => value(row, key) ?? "").join("\n").toLowerCase());
  return lowered.get(row);
}

/** The rows that fulfil the search and the choices. */
function chosen() {
  const facets = store.facets.filter((key) => state[key]).map((key) => (row) => String(value(row, key)) === state[key]);
  const tests = [...facets, ...state.q.toLowerCase().split(/\s+/).filter(Boolean).map(asks)];
  const rows = [];
  for (let row = 0; row < store.length; row++) if (tests.every((test) => test(row))) rows.push(row);
  return rows;
}

/** The rows in the order that is asked for; those without a value come last. */
function sorted(rows) {
  const descending = state.sort.startsWith("-"), key = state.sort.replace(/^-/, "");
  if (!columns.has(key)) return rows;
  const compare = columns.get(key).kind === "number" ? (a, b) => a - b : (a, b) => collator.compare(a, b);
  const missing = (held) => held === null || held === "";
  return rows.map((row) => [value(row, key), row]).sort(([a, rowA], [b, rowB]) => {
    if (missing(a) || missing(b)) return missing(a) - missing(b) || rowA - rowB;
    return (descending ? compare(b, a) : compare(a, b)) || rowA - rowB;
  }).map(([, row]) => row);
}
const collator = new Intl.Collator("en", { numeric: true });

/** An element with attributes (a function: a listener) and children (texts stay texts). */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, held] of Object.entries(attributes)) {
    if (typeof held === "function") made.addEventListener(name, held);
    else if (held !== null && held !== false) made.setAttribute(name, held === true ? "" : held);
  }
  made.append(...children);
  return made;
}
