// Reaching the points of a plot: with the pointer, and with the arrow keys.
const tip = byId("tip");

function reachable(node, view, spots, about) {
  let current = -1;
  let order;
  const open = () => current >= 0 && spots[current].row !== undefined && change({ record: value(spots[current].row, "record") });
  const show = (index, isSpoken) => {
    current = index;
    if (index < 0) return (tip.hidden = true);
    const spot = spots[index], box = view.root.getBoundingClientRect(), unit = devicePixelRatio;
    tip.textContent = spot.words();
    if (isSpoken) byId("live").textContent = spot.words().replaceAll("\n", "; ");
    tip.hidden = false;
    const left = box.left + spot.left / unit, top = box.top + spot.top / unit;
    const shift = left + 16 + tip.offsetWidth > innerWidth ? -16 - tip.offsetWidth : 16;
    tip.style.left = `${Math.max(4, left + shift)}px`;
    tip.style.top = `${Math.max(4, Math.min(top + 12, innerHeight - tip.offsetHeight - 4))}px`;
  };
  let pressed = [0, 0];
  view.over.addEventListener("mousedown", (event) => (pressed = [event.clientX, event.clientY]));
  view.over.addEventListener("mousemove", (event) => show(nearest(view, spots, event), false));
  view.over.addEventListener("mouseleave", () => show(-1));
  view.over.addEventListener("click", (event) => {
    if (Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]) < 5) { show(nearest(view, spots, event)); open(); }
  });
  node.tabIndex = 0;
  node.setAttribute("role", "application");
  node.setAttribute("aria-label", `${about}. Arrow keys move from point to point, Enter opens a record. The table below holds the same figures.`);
  node.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    order ??= spots.map((_, index) => index).sort((a, b) => spots[a].x - spots[b].x || spots[a].y - spots[b].y);
    if (step) {
      const place = order.indexOf(current);
      show(order[current < 0 ? (step > 0 ? 0 : order.length - 1) : Math.min(Math.max(place + step, 0), order.length - 1)], true);
    } else if (event.key === "Home" || event.key === "End") show(order.at(event.key === "Home" ? 0 : -1), true);
    else if (event.key === "Enter") open();
    else if (event.key === "Escape") show(-1);
    else return;
    event.preventDefault();
  };
  node.onblur = () => show(-1);
}

/** The point nearest to the pointer within 24 pixels; -1: none. */
function nearest(view, spots, event) {
  const box = view.root.getBoundingClientRect(), unit = devicePixelRatio;
  const x = (event.clientX - box.left) * unit, y = (event.clientY - box.top) * unit;
  let best = -1, least = (24 * unit) ** 2;
  for (let index = 0; index < spots.length; index++) {
    const spot = spots[index];
    if (spot.hidden) continue;
    const away = (spot.left - x) ** 2 + (spot.top - y) ** 2;
    if (away < least) [best, least] = [index, away];
  }
  return best;
}
