// Charts of one group share a cursor and a zoom: the shown part of the steps, as shares of all.

const SVG = "http://www.w3.org/2000/svg";
const groups = new Map();
const readout = document.getElementById("readout");
const told = document.getElementById("told");

function drawnIn(parent, name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

/** Makes one chart or heat map part of its group; `read(share)` gives the lines of the read-out at a share of all steps. */
function link(svg, low, high, read) {
  const name = svg.dataset.group || "alone" + groups.size;
  if (!groups.has(name)) groups.set(name, { members: [], from: 0, to: 1, at: null });
  const group = groups.get(name);
  const height = Number(svg.dataset.height);
  const plot = svg.querySelector(".plot");
  const member = { svg, plot, height, low, high, read, group };
  member.cursor = drawnIn(plot, "path", { class: "cursor", d: "" });
  group.members.push(member);
  svg.addEventListener("pointermove", (event) => moved(member, event));
  svg.addEventListener("pointerleave", () => { if (!member.drag) left(group); });
  svg.addEventListener("pointerdown", (event) => pressed(member, event));
  svg.addEventListener("pointerup", (event) => released(member, event));
  svg.addEventListener("pointercancel", () => forget(member));
  svg.addEventListener("dblclick", () => zoom(group, 0, 1));
  svg.addEventListener("keydown", (event) => typed(member, event));
  if (!svg.hasAttribute("tabindex")) svg.setAttribute("tabindex", "0");
  return member;
}

function shareOf(member, event) {
  const box = member.svg.getBoundingClientRect();
  const across = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  return member.group.from + across * (member.group.to - member.group.from);
}

function moved(member, event) {
  const share = shareOf(member, event);
  const box = member.svg.getBoundingClientRect();
  if (member.drag !== undefined) stretched(member, share);
  cursor(member.group, share);
  const down = (event.clientY - box.top) / member.height;
  show(member.read(share, down, member), event.clientX, event.clientY);
}

function cursor(group, share) {
  group.at = share;
  for (const one of group.members) {
    const d = share === null ? "" : `M${(share * 1000).toFixed(2)} 0V${one.height}`;
    one.cursor.setAttribute("d", d);
  }
}

function left(group) {
  cursor(group, null);
  readout.hidden = true;
}

function show(lines, x, y) {
  readout.hidden = !lines.length;
  readout.textContent = lines.join("\n");
  const box = readout.getBoundingClientRect();
  readout.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  readout.style.top = `${y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18}px`;
}

function pressed(member, event) {
  if (event.button !== 0 || event.pointerType === "touch") return;
  member.drag = shareOf(member, event);
  member.svg.setPointerCapture(event.pointerId);
  member.box = drawnIn(member.plot, "rect", { class: "zoom-box", y: 0, height: member.height, width: 0, x: 0 });
}

function stretched(member, share) {
  const [first, last] = [member.drag, share].sort((a, b) => a - b);
  member.box.setAttribute("x", first * 1000);
  member.box.setAttribute("width", (last - first) * 1000);
}

function released(member, event) {
  if (member.drag === undefined) return;
  const [first, last] = [member.drag, shareOf(member, event)].sort((a, b) => a - b);
  const shown = member.group.to - member.group.from;
  forget(member);
  if (last - first > 0.01 * shown) zoom(member.group, first, last);
  else if (member.clicked) member.clicked(event);
}

function forget(member) {
  if (member.box) member.box.remove();
  member.drag = member.box = undefined;
}

/** Shows the part of the steps between two shares, in every chart of the group. */
function zoom(group, from, to) {
  const least = 1e-4;
  group.from = Math.max(0, Math.min(from, 1 - least));
  group.to = Math.min(1, Math.max(to, group.from + least));
  for (const one of group.members) {
    one.plot.setAttribute("viewBox", `${group.from * 1000} 0 ${(group.to - group.from) * 1000} ${one.height}`);
    labels(one);
  }
}

/** The ticks of the steps under a chart, and its other words that stand at a step. */
function labels(member) {
  const place = member.svg.querySelector(".x-ticks");
  member.svg.querySelectorAll("text[data-at]").forEach((word) => moveWord(word, member.group));
  const { from, to } = member.group;
  const span = member.high - member.low;
  const [first, last] = [member.low + from * span, member.low + to * span];
  place.replaceChildren();
  const most = Math.max(2, Math.min(6, Math.floor(member.svg.getBoundingClientRect().width / 90)));
  for (const tick of ticks(first, last, most)) {
    if (!Number.isInteger(tick)) continue;
    const share = (tick - first) / (last - first || 1);
    const anchor = share < 0.02 ? "start" : share > 0.98 ? "end" : "middle";
    const at = { class: "tick", x: `${share * 100}%`, y: member.height + 15, "text-anchor": anchor };
    drawnIn(place, "text", at).textContent = tick.toLocaleString("en");
  }
}

function moveWord(word, { from, to }) {
  const share = (word.dataset.at - from) / (to - from);
  word.setAttribute("x", `${share * 100}%`);
  word.setAttribute("visibility", share >= 0 && share <= 1 ? "visible" : "hidden");
}

function typed(member, event) {
  const { group } = member;
  const shown = group.to - group.from;
  const at = group.at ?? (group.from + group.to) / 2;
  const keys = {
    ArrowLeft: () => step(member, Math.max(group.from, at - shown / 50)),
    ArrowRight: () => step(member, Math.min(group.to, at + shown / 50)),
    Home: () => step(member, group.from),
    End: () => step(member, group.to),
    "+": () => zoom(group, at - shown / 4, at + shown / 4),
    "-": () => zoom(group, at - shown, at + shown),
    Escape: () => { zoom(group, 0, 1); left(group); },
  };
  const action = keys[event.key];
  if (!action || (member.keys && member.keys(event))) return;
  event.preventDefault();
  action();
}

function step(member, share) {
  cursor(member.group, share);
  const lines = member.read(share, null, member);
  const box = member.svg.getBoundingClientRect();
  const across = (share - member.group.from) / (member.group.to - member.group.from);
  show(lines, box.left + across * box.width, box.top + 10);
  told.textContent = lines.join(", ");
}

/** The read-out of a line chart: the step, and every line's value there. */
function readLines(svg) {
  const { y0, y1, log, height, x0, x1 } = svg.dataset;
  const lines = [...svg.querySelectorAll("path[data-label]")];
  return (share) => {
    const found = lines.map((line) => {
      const points = pointsOf(line);
      const at = nearest(points, share * 1000);
      const value = valueAt(1 - points[2 * at + 1] / height, Number(y0), Number(y1), log === "1");
      return { x: points[2 * at], text: `${line.dataset.label}: ${short(value)}` };
    });
    const step = Number(x0) + share * (x1 - x0);
    return [`step ${Math.round(step).toLocaleString("en")}`, ...found.map((one) => one.text)];
  };
}

function linkChart(svg) {
  return link(svg, Number(svg.dataset.x0), Number(svg.dataset.x1), readLines(svg));
}
