// Speed over the batch size, and measured against published accuracies.

/** The series of a row without its batch size, which the axis shows. */
const machineOf = (row) => joined(row, asked("by").keys.filter((key) => key !== "batch_size"));
const legendOf = (entries) => element("span", { class: "legend" }, ...entries.map(([name, style]) => element("span", {}, swatch(style), name)));

function drawBatches(rows) {
  const y = columns.get(store.curve.find((key) => rows.some((row) => value(row, key) !== null)) ?? store.curve[0]);
  const held = rows.filter((row) => value(row, "batch_size") && value(row, y.key) !== null);
  const lines = [...Map.groupBy(held, (row) => store.line.map((key) => words(row, key)).join("\n")).values()]
    .map((line) => line.sort((a, b) => value(a, "batch_size") - value(b, "batch_size")))
    .filter((line) => new Set(line.map((row) => value(row, "batch_size"))).size > 1);
  const isMany = lines.length > COLOURS, { style, legend } = seriesOf(held, machineOf);
  const styleOf = (index) => (isMany ? { ...style(machineOf(lines[index][0])), small: true, unseen: lines.length > 300 } : { colour: index, shape: SHAPES[index] });
  const [least, most] = span(held.map((row) => value(row, y.key)), false, 0), isWide = most > 30 * least;
  const spots = lines.flatMap((line, index) => line.map((row) => ({
    row, x: value(row, "batch_size"), y: value(row, y.key), ys: interval(row, y), words: () => spotWords(row, [columns.get("batch_size"), y]),
    style: { ...styleOf(index), noisy: isNoisy(row) },
  })));
  const sizes = [...new Set(spots.map((spot) => spot.x))].sort((a, b) => a - b);
  drawPlot(byId("batches"), {
    x: { label: "batch size", log: true, ticks: sizes.length < 12 ? sizes : undefined }, y: { label: titleOf(y), log: isWide }, spots,
    words: `${y.label} over the batch size, ${lines.length} lines`,
    under: (ctx, at, unit) => drawLines(ctx, at, unit, { lines, colourOf: (index) => styleOf(index).colour, isMany, key: y.key }),
    empty: "None of the chosen records was measured at several batch sizes.",
  });
  byId("batches-note").replaceChildren(...(isMany
    ? [legendOf(legend), `${lines.length} lines; choose fewer records to tell them apart.`]
    : [legendOf(lines.map((line, index) => [joined(line[0], store.line), styleOf(index)]))]));
}

/** Lines of one colour are strokes of one path: thousands of strokes take longer than a few long ones. */
function drawLines(ctx, at, unit, { lines, colourOf, isMany, key }) {
  ctx.lineWidth = (isMany ? 0.8 : 1.6) * unit;
  ctx.globalAlpha = isMany ? 0.4 : 1;
  for (const [colour, alike] of Map.groupBy(lines.keys(), colourOf)) {
    ctx.strokeStyle = css(`--c${colour}`);
    ctx.beginPath();
    for (const index of alike)
      lines[index].forEach((row, place) => ctx[place ? "lineTo" : "moveTo"](at("x", value(row, "batch_size")), at("y", value(row, key))));
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function drawClaims(rows) {
  const [claimed, measured] = ["published_top1", "top1"].map((key) => columns.get(key)), seen = new Set();
  const held = rows.filter((row) => {
    const key = [label(row), value(row, claimed.key), value(row, measured.key)].join("\n");
    return value(row, "kind") === "evaluation" && value(row, claimed.key) !== null && value(row, measured.key) !== null && !seen.has(key) && seen.add(key);
  });
  const { style } = seriesOf(held);
  const spots = held.map((row) => ({
    row, x: value(row, claimed.key), y: value(row, measured.key), ys: interval(row, measured),
    words: () => spotWords(row, [claimed, measured]), style: { ...style(group(row)), noisy: false },
  }));
  const both = spots.length ? span(spots.flatMap((spot) => [spot.x, spot.y, ...(spot.ys ?? [])]), false, 0.08) : undefined;
  drawPlot(byId("claims"), {
    x: { label: titleOf(claimed), log: false, span: both }, y: { label: titleOf(measured), log: false, span: both }, spots,
    words: `${measured.label} against ${claimed.label}, ${spots.length} points`,
    under: (ctx, at, unit) => drawEqual(ctx, at, unit, both),
    empty: "None of the chosen records has a measured and a published accuracy.",
  });
  byId("claims-note").textContent = spots.length ? "On the line, both are equal. Bars: 95 % intervals of what was measured." : "";
}

function drawEqual(ctx, at, unit, [low, high]) {
  ctx.strokeStyle = css("--edge");
  ctx.lineWidth = unit;
  ctx.setLineDash([5 * unit, 4 * unit]);
  ctx.beginPath();
  ctx.moveTo(at("x", low), at("y", low));
  ctx.lineTo(at("x", high), at("y", high));
  ctx.stroke();
  ctx.setLineDash([]);
}
