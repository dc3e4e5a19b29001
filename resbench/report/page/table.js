// The table: a page of the chosen rows, in the order asked for.
const shownColumns = store.columns.filter((column) => column.shown);

function drawTable(rows) {
  const size = Number(state.size) || 25, pages = Math.max(1, Math.ceil(rows.length / size));
  const page = Math.min(Math.max(1, Number(state.page) || 1), pages);
  state.page = String(page);
  const part = sorted(rows).slice((page - 1) * size, page * size);
  const focused = document.activeElement?.dataset?.sort;
  byId("table").replaceChildren(
    element("table", {},
      element("caption", { class: "hidden" }, "Records; the headings sort, the names open a record"),
      element("thead", {}, element("tr", {}, ...shownColumns.map(heading))),
      element("tbody", {}, ...part.map(tableRow))));
  if (focused) document.querySelector(`[data-sort="${focused}"]`)?.focus();
  byId("place").textContent = rows.length ? `Page ${page} of ${pages}` : "Nothing fits";
  byId("previous").disabled = page <= 1;
  byId("next").disabled = page >= pages;
}

function heading(column) {
  const down = state.sort === `-${column.key}`, up = state.sort === column.key;
  const sign = up ? " ▲" : down ? " ▼" : "";
  // The side that people look for comes first: the fastest, the most accurate, the newest.
  const first = column.better === "higher" ? `-${column.key}` : column.key;
  const second = first === column.key ? `-${column.key}` : column.key;
  return element("th", { scope: "col", class: column.kind, "aria-sort": up ? "ascending" : down ? "descending" : null },
    element("button", { type: "button", "data-sort": column.key, click: () => change({ sort: state.sort === first ? second : first, page: "1" }) },
      titleOf(column), element("span", { "aria-hidden": "true" }, sign)));
}

function tableRow(row) {
  return element("tr", { class: isNoisy(row) ? "noisy" : null, "data-row": String(row) },
    ...shownColumns.map((column, index) => tableCell(row, column, index === 0)));
}

function tableCell(row, column, isName) {
  const held = value(row, column.key);
  if (isName)
    return element("td", { class: "text", title: held ?? "" },
      element("button", { type: "button", click: () => change({ record: value(row, "record") }) }, held ?? "-"));
  const text = column.key === "started" ? held?.slice(0, 10) : held;
  if (column.kind === "text") return element("td", { class: "text", title: held ?? "" }, text ?? "");
  const ends = interval(row, column)?.map((end) => figure(end, column));
  return element("td", { class: "number" }, figure(held, column), ...(ends ? [" ", element("small", {}, ends.join(" to "))] : []));
}
