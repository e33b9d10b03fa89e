/* The last samples of a tunnel's traffic as a small drawing: what comes in is an area, what goes out a line. */

import { setAttribute, svg } from "./dom.js";

/* Below so many octets a second the curve stays flat: keepalives are not to look like a load. */
const FLOOR_OCTETS_PER_S = 1000;

/**
 * Return an SVG element that draws `samples` (of Tunnels.samples, oldest first).
 *
 * `width`, `height`: in pixels; `label`: the text alternative; "" where the numbers stand beside it.
 */
export function curve(samples, { width, height, label = "" }) {
  const element = svg(
    "svg",
    { class: "curve", width, height, viewBox: `0 0 ${width} ${height}`, focusable: "false" },
    svg("path", { class: "curve-in" }),
    svg("path", { class: "curve-out" }),
  );
  redraw(element, samples, { width, height, label });
  return element;
}

/** Draw other samples into what `curve` returned. */
export function redraw(element, samples, { width, height, label = "" }) {
  setAttribute(element, "role", label ? "img" : null);
  setAttribute(element, "aria-label", label || null);
  setAttribute(element, "aria-hidden", label ? null : "true");
  const top = samples.reduce((most, { in: received, out }) => Math.max(most, received ?? 0, out ?? 0), FLOOR_OCTETS_PER_S);
  const [received, sent] = ["in", "out"].map((way) => runs(samples, way, top, width, height));
  setAttribute(element.firstChild, "d", received.map((run) => area(run, height)).join(""));
  setAttribute(element.lastChild, "d", sent.map(line).join(""));
}

/** Return points `[x, y]` in runs without a gap; where nothing is known there is no line. */
function runs(samples, way, top, width, height) {
  const found = [];
  const [start, end] = [samples[0]?.at, samples.at(-1)?.at];
  const room = height - 2;
  let run = null;
  for (const sample of samples) {
    if (sample[way] === null) {
      run = null;
      continue;
    }
    if (run === null) found.push((run = []));
    const across = end > start ? (sample.at - start) / (end - start) : 1;
    run.push([rounded(across * width), rounded(1 + room * (1 - sample[way] / top))]);
  }
  return found;
}

function line(run) {
  if (run.length === 1) return `M${run[0][0] - 1} ${run[0][1]}H${run[0][0]}`;
  return `M${run.map((point) => point.join(" ")).join("L")}`;
}

function area(run, height) {
  return `${line(run)}V${height}H${run.length === 1 ? run[0][0] - 1 : run[0][0]}Z`;
}

function rounded(value) {
  return Math.round(value * 10) / 10;
}
