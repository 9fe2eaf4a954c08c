"use strict";
// Reads what the page holds back into numbers: axes, lines, pictures. Nothing here touches what is shown.

/** A number in three digits, as the page writes them. */
function short(value) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  if (size >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** Round values between low and high, about `most` of them. */
function ticks(low, high, most) {
  const rough = (high - low) / most;
  if (!(rough > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((f) => f * power).find((s) => s >= rough * 0.999);
  const found = [];
  for (let n = Math.ceil(low / step - 1e-9); n <= Math.floor(high / step + 1e-9); n += 1) found.push(n * step || 0);
  return found;
}

/** The value at a share (0 below, 1 above) of an axis. */
function valueAt(share, low, high, log) {
  return log ? 10 ** (Math.log10(low) + share * (Math.log10(high) - Math.log10(low))) : low + share * (high - low);
}

/** The points of a line, [x, y, x, y, …], in the plot's units; read once. */
function pointsOf(path) {
  if (!path.points) path.points = (path.getAttribute("d").match(/-?[\d.]+/g) || []).map(Number);
  return path.points;
}

/** Index of the point nearest to x. */
function nearest(points, x) {
  let low = 0, high = points.length / 2 - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (points[2 * middle] < x) low = middle; else high = middle;
  }
  return Math.abs(points[2 * low] - x) <= Math.abs(points[2 * high] - x) ? low : high;
}

/** The entry of a sorted list nearest to a value. */
function closest(list, value) {
  let best = list[0];
  for (const one of list) if (Math.abs(one - value) < Math.abs(best - value)) best = one;
  return best;
}

function bytes(base64) {
  return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

async function inflated(data) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Width, height and indices of a picture this page was written with: rows follow a zero byte each, unfiltered. */
async function pixels(address) {
  const data = bytes(address.slice(address.indexOf(",") + 1));
  const view = new DataView(data.buffer);
  let width = 0, height = 0;
  const parts = [];
  for (let at = 8; at < data.length;) {
    const size = view.getUint32(at);
    const kind = String.fromCharCode(...data.subarray(at + 4, at + 8));
    if (kind === "IHDR") { width = view.getUint32(at + 8); height = view.getUint32(at + 12); }
    if (kind === "IDAT") parts.push(data.subarray(at + 8, at + 8 + size));
    at += size + 12;
  }
  const rows = await inflated(new Blob(parts));
  return { width, height, at: (row, column) => rows[row * (width + 1) + 1 + column] };
}

/** What an index of the palette stands for; null: not measured. */
function meaning(index, low, high, log) {
  if (index === 0) return null;
  if (index === 1) return log ? 0 : null;
  if (index === 255) return Infinity;
  return valueAt((index - 2) / 252, low, high, log);
}
