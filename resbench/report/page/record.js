// One record: where it comes from, and its raw samples as a histogram and in the order of time.
let packed;

/** What the page holds about record `index`: facts, and series of samples in nanoseconds. */
async function recordAt(index) {
  packed ??= byId("samples").textContent.trim().split("\n");
  const bytes = Uint8Array.from(atob(packed[index]), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}

async function openRecord(path) {
  const dialog = byId("record"), index = store.values.record.words.indexOf(path);
  if (index < 0) return;
  const record = await recordAt(index);
  if (state.record !== path) return;
  byId("record-title").textContent = record.title;
  const body = byId("record-body");
  body.replaceChildren(facts(record.facts));
  if (!dialog.open) dialog.showModal();
  for (const series of record.series) {
    const histogram = element("div", { class: "plot" }), order = element("div", { class: "plot" });
    body.append(element("h3", {}, series.title), facts(series.facts), element("div", { class: "pair" }, histogram, order));
    drawSamples(series, histogram, order);
  }
}

const facts = (pairs) => element("dl", {}, ...pairs.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));

function drawSamples(series, histogram, order) {
  const clusters = series.launches.flat(), samples = clusters.flat().map((ns) => ns / 1e6 / series.calls);
  const bars = bins(samples), most = Math.max(...bars.map((bar) => bar.y));
  drawPlot(histogram, {
    x: { label: series.axis, log: false, span: [bars[0].low, bars.at(-1).high] }, y: { label: "samples", log: false, span: [0, most * 1.08] },
    spots: bars, words: `Histogram of ${samples.length} samples`,
    under: (ctx, at, unit) => drawBars(ctx, at, unit, bars),
  });
  let place = 0;
  const edges = [], spots = [];
  series.launches.forEach((launch, number) => launch.forEach((cluster) => {
    edges.push(place);
    for (const ns of cluster) {
      place += 1;
      const spot = { x: place, y: ns / 1e6 / series.calls, style: { colour: number % COLOURS, shape: "circle", small: true } };
      spots.push({ ...spot, words: () => `sample ${spot.x}\n${spot.y.toLocaleString("en", { maximumFractionDigits: 6 })} ms` });
    }
  }));
  drawPlot(order, {
    x: { label: "sample, in order of time", log: false, span: [0, place + 1] }, y: { label: series.axis, log: false }, spots,
    words: `${samples.length} samples in order of time`,
    under: (ctx, at, unit) => drawEdges(ctx, at, unit, edges),
  });
}

/** Bins of Freedman and Diaconis' width, at least 5 and at most 60. */
function bins(samples) {
  const ordered = [...samples].sort((a, b) => a - b), low = ordered[0], high = ordered.at(-1);
  const quartile = (share) => ordered[Math.floor((ordered.length - 1) * share)];
  const width = (2 * (quartile(0.75) - quartile(0.25))) / Math.cbrt(ordered.length);
  const number = high > low ? Math.min(60, Math.max(5, Math.ceil((high - low) / (width || (high - low) / 5)))) : 1;
  const step = (high - low) / number || Math.max(low * 0.01, 1e-6);
  const counted = Array.from({ length: number }, (_, index) => ({ low: low + index * step, high: low + (index + 1) * step, y: 0 }));
  for (const sample of ordered) counted[Math.min(number - 1, Math.floor((sample - low) / step))].y += 1;
  return counted.map((bin) => ({ ...bin, x: (bin.low + bin.high) / 2, style: { colour: 0, shape: "bar", unseen: true },
    words: () => `${figure(bin.low, { digits: null })} to ${figure(bin.high, { digits: null })} ms\n${bin.y} samples` }));
}

function drawBars(ctx, at, unit, bars) {
  ctx.fillStyle = css("--c0");
  ctx.globalAlpha = 0.75;
  for (const bar of bars) ctx.fillRect(at("x", bar.low) + unit / 2, at("y", bar.y), at("x", bar.high) - at("x", bar.low) - unit, at("y", 0) - at("y", bar.y));
  ctx.globalAlpha = 1;
}

/** Where a new cluster begins: weights, input and buffers were laid out anew. */
function drawEdges(ctx, at, unit, edges) {
  ctx.strokeStyle = css("--edge");
  ctx.globalAlpha = 0.5;
  ctx.lineWidth = unit;
  ctx.setLineDash([2 * unit, 3 * unit]);
  ctx.beginPath();
  for (const edge of edges) { ctx.moveTo(at("x", edge + 0.5), 0); ctx.lineTo(at("x", edge + 0.5), ctx.canvas.height); }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}
