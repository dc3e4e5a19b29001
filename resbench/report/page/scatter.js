// Accuracy against cost: series by colour and shape, the front of what nothing beats, the names of its networks.

/** The style of every row's series, and the series in order of size; beyond seven the rest share one. */
function seriesOf(rows, nameOf = group) {
  const series = Map.groupBy(rows, nameOf);
  const names = [...series.keys()].sort((a, b) => series.get(b).length - series.get(a).length || collator.compare(a, b));
  const kept = names.length > COLOURS ? names.slice(0, COLOURS - 1) : names;
  const style = (name) => {
    const index = kept.indexOf(name) < 0 ? COLOURS - 1 : kept.indexOf(name);
    return { colour: index, shape: SHAPES[index] };
  };
  const rest = names.length - kept.length;
  return { style, legend: [...kept.map((name) => [name || "-", style(name)]), ...(rest ? [[`${rest} others`, style("")]] : [])] };
}

function drawScatter(rows) {
  const [x, y] = [asked("x"), asked("y")].map(named), log = state.log === "1";
  const fits = (row) => !x.speed || value(row, "speed") === x.speed;
  const held = rows.filter((row) => fits(row) && value(row, x.key) > 0 && value(row, y.key) !== null);
  const { style, legend } = seriesOf(held), seen = new Set();
  const spots = [];
  for (const row of held) {
    const name = group(row), key = [value(row, x.key), value(row, y.key), label(row), name].join("\n");
    if (seen.has(key)) continue;
    seen.add(key);
    const isPublished = value(row, "top1_source") === "published";
    spots.push({
      row, series: name, x: value(row, x.key), y: value(row, y.key), xs: interval(row, x), ys: interval(row, y),
      style: { ...style(name), noisy: isNoisy(row), small: isPublished },
      words: () => spotWords(row, [x, y], isPublished),
    });
  }
  const fronts = state.front === "1" ? frontsOf(spots, x.better === "higher") : [];
  drawPlot(byId("scatter"), {
    x: { label: titleOf(x), log, si: x.si }, y: { label: titleOf(y), log: false }, spots,
    words: `${y.label} against ${x.label}, ${spots.length} points`,
    under: (ctx, at, unit) => fronts.forEach((front) => drawFront(ctx, at, unit, front)),
    over: (ctx, at, unit, area) => nameSpots(ctx, unit, fronts.flat(), x.better === "higher", area),
    empty: `None of the chosen records has both ${x.label} and ${y.label}.`,
  });
  drawLegend(legend, spots);
  const names = [...new Set(fronts.flat().map((spot) => words(spot.row, "network")))];
  byId("front").textContent = names.length
    ? `On the Pareto fronts of the series: ${names.slice(0, 30).join(", ")}${names.length > 30 ? ` and ${names.length - 30} more` : ""}.`
    : "";
}

/** A column under the name that it is chosen by: the time of a call as "latency". */
const named = (choice) => ({ ...columns.get(choice.key), label: choice.name, speed: choice.speed });
const titleOf = (column) => `${column.label}${column.unit ? ` (${column.unit})` : ""}`;

function spotWords(row, shown, isPublished) {
  const figures = shown.map((column) => {
    const ends = interval(row, column)?.map((end) => figure(end, column));
    return `${column.label} ${words(row, column.key)}${ends ? ` [${ends.join(", ")}]` : ""}`;
  });
  const notes = [isPublished ? "accuracy as published" : "", isNoisy(row) ? `in doubt: ${doubt(row)}` : ""];
  return [label(row), ...figures, words(row, "machine"), ...notes].filter(Boolean).join("\n");
}

/** The points of each series that no other point of it beats in both figures, in the order of x. */
function frontsOf(spots, moreIsBetter) {
  return [...Map.groupBy(spots, (spot) => spot.series).values()].map((series) => {
    const inOrder = [...series].sort((a, b) => (moreIsBetter ? b.x - a.x : a.x - b.x) || b.y - a.y);
    let best = -Infinity;
    return inOrder.filter((spot) => spot.y > best && ((best = spot.y), true));
  }).filter((front) => front.length > 1);
}

function drawFront(ctx, at, unit, front) {
  ctx.strokeStyle = css(`--c${front[0].style.colour}`);
  ctx.globalAlpha = 0.55;
  ctx.lineWidth = 1.6 * unit;
  ctx.beginPath();
  front.forEach((spot, index) => {
    const left = at("x", spot.x), top = at("y", spot.y);
    if (index) ctx.lineTo(left, at("y", front[index - 1].y));
    index ? ctx.lineTo(left, top) : ctx.moveTo(left, top);
  });
  ctx.stroke();
  ctx.globalAlpha = 1;
}

/** Names beside points, on the side that nothing lies on unless the edge is too near, as far as none covers another. */
function nameSpots(ctx, unit, spots, isRight, area) {
  const taken = [];
  ctx.font = `${12 * unit}px system-ui`;
  [ctx.textBaseline, ctx.textAlign] = ["middle", "left"];
  ctx.fillStyle = css("--ink");
  for (const spot of spots.slice(0, 60)) {
    if (spot.hidden) continue;
    const name = words(spot.row, "network"), wide = ctx.measureText(name).width;
    const sides = [spot.left - wide - 9 * unit, spot.left + 9 * unit];
    const left = (isRight ? sides.reverse() : sides).find((side) => side >= area.left && side + wide <= area.left + area.width);
    const box = [left, Math.max(area.top, spot.top - 17 * unit), wide, 14 * unit];
    if (left === undefined || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    ctx.fillText(name, box[0], box[1] + 7 * unit);
  }
}
const overlap = ([x, y, w, h], [a, b, c, d]) => x < a + c && a < x + w && y < b + d && b < y + h;

function drawLegend(legend, spots) {
  const special = [
    ["outline, dashed: the machine was not quiet", { colour: 7, shape: "circle", noisy: true }, (spot) => spot.style.noisy],
    ["small: accuracy as published", { colour: 7, shape: "circle", small: true }, (spot) => spot.style.small],
  ].filter(([, , holds]) => spots.some(holds));
  byId("legend").replaceChildren(legendOf([...legend, ...special]));
}

function swatch(style) {
  const canvas = element("canvas", { width: "36", height: "36", "aria-hidden": "true" }), ctx = canvas.getContext("2d");
  canvas.repaint = () => {
    ctx.clearRect(0, 0, 36, 36);
    ctx.drawImage(stamp(style, 2), 0, 0);
  };
  canvas.repaint();
  return canvas;
}
