// A plot: axes by uPlot, points and what belongs to them drawn here; pointer and arrow keys find a point.
const plots = new Map();
const inks = new Map();
/** A colour of the theme that holds now. */
function css(name) {
  if (!inks.has(name)) inks.set(name, getComputedStyle(document.documentElement).getPropertyValue(name).trim());
  return inks.get(name);
}
const SHAPES = ["circle", "square", "triangle", "diamond", "down", "plus", "cross", "bar"];
const COLOURS = 8;

/** Round ticks between two values, on a linear or logarithmic axis. */
function ticks(low, high, isLog, most) {
  if (!isLog) {
    const rough = (high - low) / most, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
    const first = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - first + 1) }, (_, index) =>
      Number(((first + index) * step).toPrecision(12)));
  }
  for (const leading of [[1, 1.5, 2, 3, 4, 5, 6, 8], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]]) {
    const round = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const factor of leading) {
        const tick = Number((factor * 10 ** power).toPrecision(6));
        if (tick >= low && tick <= high) round.push(tick);
      }
    if (round.length <= most) return round.length > 1 ? round : ticks(low, high, false, most);
    if (leading.length === 1) return round.filter((_, index) => index % Math.ceil(round.length / most) === 0);
  }
}

function span(numbers, isLog, pad) {
  let low = Infinity, high = -Infinity;
  for (const number of numbers)
    if (number !== null && Number.isFinite(number)) { low = Math.min(low, number); high = Math.max(high, number); }
  if (isLog) { // a single point is not blown up to the width of its interval
    const room = Math.max((high / low) ** pad, Math.sqrt(1.5 / Math.min(1.5, high / low)));
    return [low / room, high * room];
  }
  const room = (high - low || Math.abs(high) || 1) * pad;
  return [low - room, high + room];
}

function axis(side, kind, most) {
  const grid = { stroke: () => css("--grid"), width: 1 };
  return {
    scale: side, label: kind.label, labelSize: 24, labelFont: "13px system-ui", font: "12px system-ui", size: side === "x" ? 36 : 58,
    stroke: () => css("--soft"), grid, ticks: { ...grid, size: 5 },
    splits: (_, __, low, high) => kind.ticks ?? ticks(low, high, kind.log, most()),
    filter: (_, splits) => splits,
    values: (_, splits) => splits.map((tick) => (kind.si ? scaled(tick, 1, 6) : tick.toLocaleString("en", { maximumSignificantDigits: 6 }))),
  };
}

/** Draw a plot into `node`. `spots`: {x, y, xs, ys (intervals), style, row, words}; `under` draws lines below them. */
function drawPlot(node, { x, y, spots, under = () => {}, over = () => {}, words: about, empty }) {
  plots.get(node)?.destroy();
  plots.delete(node);
  node.replaceChildren();
  if (!spots.length) return node.replaceChildren(element("p", { class: "empty" }, empty));
  const xs = spots.flatMap((spot) => [spot.x, ...(spot.xs ?? [])]), ys = spots.flatMap((spot) => [spot.y, ...(spot.ys ?? [])]);
  const spanX = x.span ?? span(xs, x.log, 0.06), spanY = y.span ?? span(ys, y.log, 0.08);
  const box = () => ({ width: node.clientWidth, height: node.clientHeight });
  const view = new uPlot({
    ...box(), legend: { show: false }, padding: [14, 18, 0, 0],
    cursor: { points: { show: false }, drag: { x: true, y: true, uni: 20 }, focus: { prox: -1 } },
    scales: {
      x: { time: false, distr: x.log ? 3 : 1, range: () => spanX },
      y: { distr: y.log ? 3 : 1, range: () => spanY },
    },
    axes: [axis("x", x, () => Math.max(4, node.clientWidth / 85)), axis("y", y, () => Math.max(3, node.clientHeight / 55))],
    series: [{}, { paths: () => null, points: { show: false } }],
    hooks: { draw: [(shown) => paint(shown, spots, under, over)] },
  }, [spanX, spanY], node);
  plots.set(node, view);
  reachable(node, view, spots, about);
  new ResizeObserver(() => plots.get(node) === view && node.clientWidth && node.clientWidth !== view.width && view.setSize(box())).observe(node);
}

function paint(view, spots, under, over) {
  const ctx = view.ctx, unit = devicePixelRatio, { left, top, width, height } = view.bbox;
  const at = (key, held) => view.valToPos(held, key, true);
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  under(ctx, at, unit);
  for (const spot of spots) {
    [spot.left, spot.top] = [at("x", spot.x), at("y", spot.y)];
    spot.hidden = !(spot.left >= left && spot.left <= left + width && spot.top >= top && spot.top <= top + height);
  }
  const visible = spots.filter((spot) => !spot.hidden && !spot.style.unseen);
  for (const alike of Map.groupBy(visible, ({ style }) => [style.colour, style.shape, style.noisy, style.small].join()).values())
    for (let first = 0; first < alike.length; first += 500) paintAlike(ctx, at, alike.slice(first, first + 500), unit);
  over(ctx, at, unit, view.bbox);
  ctx.restore();
}

/** Draw spots of one style together: thousands of strokes take longer than a few long ones. */
function paintAlike(ctx, at, spots, unit) {
  const { style } = spots[0];
  ctx.strokeStyle = ctx.fillStyle = css(`--c${style.colour}`);
  ctx.globalAlpha = 0.6;
  ctx.lineWidth = 1.2 * unit;
  ctx.setLineDash(style.noisy ? [3 * unit, 3 * unit] : []);
  ctx.beginPath();
  for (const spot of spots) {
    if (spot.xs) { ctx.moveTo(at("x", spot.xs[0]), spot.top); ctx.lineTo(at("x", spot.xs[1]), spot.top); }
    if (spot.ys) { ctx.moveTo(spot.left, at("y", spot.ys[0])); ctx.lineTo(spot.left, at("y", spot.ys[1])); }
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  const picture = stamp(style, unit), half = picture.width / 2;
  for (const spot of spots) ctx.drawImage(picture, Math.round(spot.left - half), Math.round(spot.top - half));
}

const PATHS = {
  circle: (ctx, x, y, r) => { ctx.moveTo(x + r, y); ctx.arc(x, y, r, 0, 2 * Math.PI); },
  square: (ctx, x, y, r) => ctx.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r),
  triangle: (ctx, x, y, r) => polygon(ctx, x, y, [[0, -1.2 * r], [1.1 * r, 0.8 * r], [-1.1 * r, 0.8 * r]]),
  diamond: (ctx, x, y, r) => polygon(ctx, x, y, [[0, -1.3 * r], [1.1 * r, 0], [0, 1.3 * r], [-1.1 * r, 0]]),
  down: (ctx, x, y, r) => polygon(ctx, x, y, [[0, 1.2 * r], [1.1 * r, -0.8 * r], [-1.1 * r, -0.8 * r]]),
  plus: (ctx, x, y, r) => polygon(ctx, x, y, cross(r)),
  cross: (ctx, x, y, r) => polygon(ctx, x, y, cross(r).map(([a, b]) => [0.75 * (a + b), 0.75 * (b - a)])),
  bar: (ctx, x, y, r) => ctx.rect(x - 1.2 * r, y - 0.5 * r, 2.4 * r, r),
};

const stamps = new Map();

/** A marker as a picture: shape and colour tell the series; filled: quiet, an outline: noisy; small: published. */
function stamp(style, unit) {
  const key = [style.colour, style.shape, style.noisy, style.small, unit].join();
  if (stamps.has(key)) return stamps.get(key);
  const side = Math.ceil(18 * unit), canvas = element("canvas", { width: side, height: side }), ctx = canvas.getContext("2d");
  ctx.strokeStyle = ctx.fillStyle = css(`--c${style.colour}`);
  if (style.noisy) ctx.fillStyle = css("--paper");
  ctx.lineWidth = 1.6 * unit;
  PATHS[style.shape](ctx, side / 2, side / 2, (style.small ? 3.4 : 5) * unit);
  ctx.fill();
  ctx.stroke();
  stamps.set(key, canvas);
  return canvas;
}
const cross = (r) => {
  const [a, b] = [1.2 * r, 0.4 * r];
  return [[-b, -a], [b, -a], [b, -b], [a, -b], [a, b], [b, b], [b, a], [-b, a], [-b, b], [-a, b], [-a, -b], [-b, -b]];
};
function polygon(ctx, x, y, corners) {
  corners.forEach(([a, b], index) => (index ? ctx.lineTo(x + a, y + b) : ctx.moveTo(x + a, y + b)));
  ctx.closePath();
}

/** Redraw all plots in the colours of the theme that holds now (also the printer's). */
function recolour() {
  inks.clear();
  stamps.clear();
  for (const view of plots.values()) view.redraw(false, true);
  document.querySelectorAll(".legend canvas").forEach((canvas) => canvas.repaint?.());
}
