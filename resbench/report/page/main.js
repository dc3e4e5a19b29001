// The controls, and what happens when one of them changes.

function change(asked) {
  Object.assign(state, asked);
  writeAddress();
  draw();
}

let drawn = "", later;
function draw() {
  const { record, page, size, sort, ...picture } = state;
  const rows = chosen(), key = JSON.stringify(picture);
  if (key !== drawn) {
    drawn = key;
    drawScatter(rows);
    clearTimeout(later); // the plots further down wait until what is looked at is there
    later = setTimeout(() => { drawBatches(rows); drawClaims(rows); }, 40);
  }
  drawTable(rows);
  byId("shown").textContent = summary(rows);
  showState();
  if (record) openRecord(record);
  else if (byId("record").open) byId("record").close();
}

/** How much is shown, and what was asked: also the heading of a printed page. */
function summary(rows) {
  const records = new Set(rows.map((row) => store.values.record.index[row])).size;
  const parts = [[rows.length, store.length, "rows"], [records, store.records, "records"]];
  const choices = store.facets.filter((key) => state[key]).map((key) => `${columns.get(key).label} ${state[key]}`);
  const counts = parts.map(([some, all, noun]) => `${some.toLocaleString("en")} of ${all.toLocaleString("en")} ${noun}`).join(", ");
  return [counts, ...choices, state.q && `search “${state.q}”`].filter(Boolean).join("; ");
}

function showState() {
  if (byId("query") !== document.activeElement) byId("query").value = state.q;
  byId("size").value = state.size;
  document.querySelectorAll("[data-choice]").forEach((choice) => {
    if (choice.type === "checkbox") choice.checked = state[choice.dataset.choice] === "1";
    else choice.value = state[choice.dataset.choice];
  });
}

/** A list to choose from that keeps its choice in the state under `key`. */
function choice(key, name, options) {
  const list = element("select", { "data-choice": key, id: `choice-${key}`, change: (event) => change({ [key]: event.target.value, page: "1" }) },
    ...options.map(([held, text]) => element("option", { value: held }, text)));
  return element("label", { for: list.id }, name, list);
}

function tick(key, name) {
  const box = element("input", { type: "checkbox", "data-choice": key, id: `choice-${key}`, change: (event) => change({ [key]: event.target.checked ? "1" : "0" }) });
  return element("label", { class: "tick", for: box.id }, box, name);
}

function facet(key) {
  const held = new Set();
  for (let row = 0; row < store.length; row++) if (value(row, key) !== null) held.add(value(row, key));
  if (held.size < 2) return [];
  const options = [...held].map(String).sort(collator.compare).map((text) => [text, text]);
  return [choice(key, columns.get(key).label, [["", "all"], ...options])];
}

function begin() {
  const names = (key) => store[key].map(({ name }) => [name, name]);
  byId("selects").replaceWith(...store.facets.flatMap(facet));
  byId("axes").append(choice("x", "Cost", names("x")), choice("y", "Accuracy", names("y")), choice("by", "Series", names("by")),
    tick("log", "logarithmic"), tick("front", "Pareto front"));
  byId("columns").append(...store.columns.flatMap((column) =>
    [element("dt", {}, element("code", {}, column.key)), element("dd", {}, `${column.about}${column.unit ? `, in ${column.unit}` : ""}`)]));
  let waiting;
  byId("query").addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => change({ q: event.target.value, page: "1" }), 120);
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", (event) => {
    event.preventDefault();
    byId("query").value = "";
    change({ ...defaults, x: state.x, y: state.y, by: state.by });
  });
  byId("size").addEventListener("change", (event) => change({ size: event.target.value, page: "1" }));
  byId("previous").addEventListener("click", () => change({ page: String(Number(state.page) - 1) }));
  byId("next").addEventListener("click", () => change({ page: String(Number(state.page) + 1) }));
  byId("close").addEventListener("click", () => byId("record").close());
  byId("record").addEventListener("close", () => state.record !== "" && change({ record: "" }));
  addEventListener("hashchange", () => { readAddress(); draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
  matchMedia("print").addEventListener("change", recolour);
  readAddress();
  draw();
}
begin();
