// The pictures layer by step, and what opens on a click on a layer.

const details = JSON.parse(document.getElementById("details").textContent);
const dialog = document.getElementById("layer");

/** Reads the pictures of a panel, one or one for each run, once they are shown, and answers pointer and keys. */
function linkPanel(panel) {
  const heats = [];
  panel.querySelectorAll("svg.heat").forEach((svg) => heats.push(linkHeat(svg, heats)));
  return heats;
}

function linkHeat(svg, beside) {
  const image = svg.querySelector("image");
  const frame = svg.closest(".heat-frame");
  const names = [...frame.querySelectorAll(".rows li")].map((one) => one.textContent);
  const steps = svg.dataset.steps.split(" ").map(Number);
  const { low, high, name, side } = svg.dataset;
  const log = svg.dataset.log === "1";
  const last = details[svg.dataset.group].last;
  const heat = { svg, names, row: 0, picture: null, name, side, steps, low: Number(low), high: Number(high), log };
  heat.read = async () => { heat.picture ??= await pixels(image.getAttribute("href")); };
  const member = link(svg, 0, last, (share, down) => {
    if (down !== null) heat.row = Math.max(0, Math.min(names.length - 1, Math.floor(down * names.length)));
    outline(member, heat, share);
    const seen = closest(steps, Math.round(share * last));
    const values = beside.filter((one) => one.picture && one.names.includes(names[heat.row]));
    return [names[heat.row], `step ${seen.toLocaleString("en")}`, ...values.map((one) => valueOf(one, names[heat.row], share))];
  });
  member.outline = drawnIn(member.plot, "rect", { class: "cell", width: 0, height: 0 });
  member.clicked = () => opened(svg.dataset.group, names[heat.row]);
  member.keys = (event) => {
    if (event.key === "Escape") heat.row = 0;
    return false;
  };
  svg.addEventListener("keydown", (event) => {
    const by = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (by) {
      event.preventDefault();
      heat.row = Math.max(0, Math.min(names.length - 1, heat.row + by));
      step(member, member.group.at ?? 0.5);
    }
    if (event.key === "Enter") {
      event.preventDefault(); // or the key would go on to press the dialog's button
      opened(svg.dataset.group, names[heat.row]);
    }
  });
  svg.addEventListener("pointerleave", () => member.outline.setAttribute("width", 0));
  thin(frame, names.length, member.height);
  return heat;
}

/** What a picture shows of a layer at a share of all steps, in words. */
function valueOf(heat, layer, share) {
  const { picture, names, low, high, log, name, side } = heat;
  const column = Math.min(picture.width - 1, Math.floor(share * picture.width));
  const value = meaning(picture.at(names.indexOf(layer), column), low, high, log);
  const told = value === null ? "not measured" : (value && Number.isFinite(value) ? "about " : "") + short(value);
  return `${name}${side ? ` ${side}` : ""}: ${told}`;
}

function outline(member, heat, share) {
  if (!member || !member.outline) return;
  const tall = member.height / heat.names.length;
  const wide = Math.max(1000 / (heat.picture ? heat.picture.width : 500), 3);
  const at = { x: Math.floor(share * 1000 / wide) * wide, y: heat.row * tall, width: wide, height: tall };
  for (const [key, value] of Object.entries(at)) member.outline.setAttribute(key, value);
}

/** Where rows are too thin for all their names, keeps every so many. */
function thin(frame, amount, height) {
  const every = Math.ceil(12 / (height / amount));
  if (every === 1) return;
  const list = frame.querySelector(".rows");
  const items = [...list.children];
  items.forEach((one, row) => {
    if (row % every || (row && amount - row < every)) one.remove();
    else one.style.flexGrow = amount - row < 2 * every ? amount - row : every;
  });
}

/** Buttons above the pictures, one picture at a time. */
function switcher(box, panelsHeats) {
  const panels = [...box.querySelectorAll(".heat-panel")];
  const row = document.createElement("div");
  row.className = "switch";
  row.setAttribute("role", "group");
  row.setAttribute("aria-label", "quantity shown");
  panels.forEach((panel, chosen) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = panel.querySelector("h4").textContent;
    button.addEventListener("click", () => choose(chosen));
    row.append(button);
  });
  function choose(chosen) {
    panels.forEach((panel, one) => {
      panel.classList.toggle("chosen", one === chosen);
      row.children[one].setAttribute("aria-pressed", String(one === chosen));
    });
    for (const heat of panelsHeats[chosen]) {
      heat.read();
      const group = groups.get(heat.svg.dataset.group);
      if (group.from > 0 || group.to < 1) group.members.filter((one) => one.svg === heat.svg).forEach(labels);
    }
  }
  box.prepend(row);
  box.classList.add("switched");
  choose(0);
}

/** Opens a layer: what it is, its own curves, its histograms. */
async function opened(group, name) {
  const about = details[group];
  document.getElementById("layer-title").textContent = name;
  document.getElementById("layer-facts").textContent = about.layers[name] || "";
  const place = document.getElementById("layer-curves");
  place.replaceChildren();
  left(groups.get(group) || { members: [] });
  if (!dialog.open) dialog.showModal();
  for (const heats of heatsOf.get(group) || []) {
    const shown = heats.filter((heat) => heat.names.includes(name));
    for (const heat of shown) await heat.read();
    if (shown.length) curve(place, shown, name, about.last);
  }
  for (const held of about.histograms) await histograms(place, held, name);
  if (!place.children.length) place.textContent = "Nothing more was measured at this layer.";
}

/** One quantity of a layer over the steps: a line for each run. */
function curve(place, heats, layer, last) {
  const { name, log: ratios } = heats[0];
  const lines = heats.map(({ picture: { width, at }, names, low, high, log, side }) => {
    const row = names.indexOf(layer);
    return { side, width, values: Array.from({ length: width }, (_, column) => meaning(at(row, column), low, high, log)) };
  });
  const drawable = (value) => value !== null && Number.isFinite(value) && (!ratios || value > 0);
  const known = lines.flatMap((line) => line.values.filter(drawable));
  if (!known.length) {
    if (lines.some((line) => line.values.includes(0))) {
      const said = document.createElement("p");
      said.textContent = `${name}: exactly zero wherever it was measured.`;
      place.append(said);
    }
    return;
  }
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (!ratios) [low, high] = [0, 1];
  else if (high / low < 1.2) [low, high] = [low / 1.2, high * 1.2];
  const log = ratios && high / low > 10;
  const height = 80;
  const sides = lines.filter((line) => line.side).map((line, at) => `${line.side}: ${["blue", "orange"][at]}`);
  const title = sides.length ? `${name} (${sides.join(", ")})` : name;
  const figure = framed(place, title, `${name} of this layer by step, from ${short(low)} to ${short(high)}`, height);
  const share = (value) => log ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
  lines.forEach(({ side, width, values }, number) => {
    let d = "", drawing = false;
    values.forEach((value, column) => {
      if (!drawable(value)) { drawing = false; return; }
      d += `${drawing ? "L" : "M"}${((column + 0.5) / width * 1000).toFixed(1)} ${((1 - share(value)) * height).toFixed(2)}`;
      drawing = true;
    });
    if (d) drawnIn(figure.plot, "path", { class: `line c${number}`, d, "data-label": side || name });
  });
  for (const [value, y] of [[high, 9], [low, height]]) {
    drawnIn(figure.svg, "text", { class: "tick", x: -6, y, "text-anchor": "end" }).textContent = short(value);
  }
  Object.assign(figure.svg.dataset, { y0: low, y1: high, log: log ? 1 : 0, x0: 0, x1: last, group: "layer" });
  groups.delete("layer");
  labels(linkChart(figure.svg));
}

function framed(place, title, label, height) {
  const figure = document.createElement("figure");
  figure.className = "picture small";
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  const frame = document.createElement("div");
  frame.className = "frame";
  figure.append(caption, frame);
  place.append(figure);
  const svg = drawnIn(frame, "svg", { class: "chart", width: "100%", height: height + 20, role: "img", "aria-label": label, "data-height": height });
  const plot = drawnIn(svg, "svg", { class: "plot", width: "100%", height, viewBox: `0 0 1000 ${height}`, preserveAspectRatio: "none" });
  drawnIn(svg, "g", { class: "x-ticks" });
  return { svg, plot };
}

/** The outputs' histograms side by side over time: the fuller a bin, the stronger its colour. */
async function histograms(place, held, name) {
  const row = held.layers.indexOf(name);
  if (row < 0) return;
  const shares = await inflated(bytes(held.shares));
  const ranges = new Float32Array((await inflated(bytes(held.ranges))).buffer);
  const times = held.steps.length;
  const range = (time, end) => ranges[(row * times + time) * 2 + end];
  const ends = held.steps.flatMap((_, time) => [range(time, 0), range(time, 1)]).filter(Number.isFinite);
  if (!ends.length) return;
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const height = 150;
  const label = `Histogram of the outputs over time: values from ${short(low)} to ${short(high)}`;
  const { svg, plot } = framed(place, `Outputs over time${held.side ? `, ${held.side}` : ""} (stronger: more of the values)`, label, height);
  plot.classList.add("histogram");
  const y = (value) => (1 - (value - low) / (high - low || 1)) * height;
  for (let time = 0; time < times; time += 1) {
    const [bottom, top] = [range(time, 0), range(time, 1)];
    if (!Number.isFinite(bottom + top)) continue;
    for (let bin = 0; bin < held.bins; bin += 1) {
      const share = shares[(row * times + time) * held.bins + bin] / 255;
      if (!share) continue;
      const [from, to] = [bin, bin + 1].map((edge) => bottom + (top - bottom) * edge / held.bins);
      const at = { x: time / times * 1000, width: 1000 / times + 0.5, y: y(to), height: Math.max(y(from) - y(to), 0.6), opacity: (0.1 + 0.9 * share).toFixed(2) };
      drawnIn(plot, "rect", at);
    }
  }
  for (const [value, at] of [[high, 9], [low, height]]) {
    drawnIn(svg, "text", { class: "tick", x: -6, y: at, "text-anchor": "end" }).textContent = short(value);
  }
  const place2 = svg.querySelector(".x-ticks");
  drawnIn(place2, "text", { class: "tick", x: 0, y: height + 15 }).textContent = `step ${held.steps[0].toLocaleString("en")}`;
  const end = drawnIn(place2, "text", { class: "tick", x: "100%", y: height + 15, "text-anchor": "end" });
  end.textContent = held.steps[times - 1].toLocaleString("en");
}
