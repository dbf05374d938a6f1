// Small charts, one for each phase of a run: a line for p50 and one for p95 over the last minutes.

import { element, long, say, took } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 240;
const HEIGHT = 60;
const KNOWN = ["queue", "lease", "run", "harvest", "colour", "again"];

/** What each phase is, for those who do not know our words.
 * @type {Record<string, string>} */
const ABOUT = {
  queue: "waiting for a place",
  lease: "getting a container",
  run: "the learner's program",
  harvest: "taking the files out",
  colour: "asking Ruby for the colour",
  again: "once more, on a writable root",
};

/**
 * @typedef {object} Times
 * @property {number | null} p50_s
 * @property {number | null} p95_s
 * @property {(number | null)[]} p50_by_slot_s
 * @property {(number | null)[]} p95_by_slot_s
 */

/**
 * The path of a line; where no run ended the line has a gap, and a lone value is a dot.
 * @param {(number | null)[]} values
 * @param {number} top - the value at the upper edge
 */
export function pathOf(values, top) {
  const step = WIDTH / (values.length - 1);
  let path = "";
  let isDrawing = false;
  values.forEach((value, index) => {
    if (value === null) {
      isDrawing = false;
      return;
    }
    const point = `${(index * step).toFixed(1)} ${(HEIGHT * (1 - value / top)).toFixed(1)}`;
    path += isDrawing ? `L${point}` : `M${point}h1.2`;
    isDrawing = true;
  });
  return path;
}

/**
 * The upper edge of a chart: 1, 2 or 5 times a power of ten, not below the largest value.
 * @param {(number | null)[]} values
 */
export function topOf(values) {
  const most = Math.max(0.01, ...values.map((value) => value ?? 0));
  const power = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 5, 10].map((times) => times * power).find((edge) => edge >= most * 0.999) ?? most;
}

/** All charts, made as their phases become known. */
export class Charts {
  /** @param {Element} place */
  constructor(place) {
    this.place = place;
    /** @type {Map<string, Chart>} */
    this.charts = new Map();
    for (const phase of ["queue", "lease", "run", "harvest", "colour"]) this.chart(phase);
  }

  /**
   * @param {Record<string, Times>} phases
   * @param {number} slot_s
   */
  show(phases, slot_s) {
    for (const phase of Object.keys(phases)) this.chart(phase);
    for (const [phase, chart] of this.charts) chart.show(phases[phase], slot_s);
  }

  /** @param {string} phase */
  chart(phase) {
    if (this.charts.has(phase)) return;
    this.charts.set(phase, new Chart(phase));
    const order = [...this.charts.keys()].sort((one, other) => rank(one) - rank(other));
    this.place.replaceChildren(
      ...order.map((name) => /** @type {Chart} */ (this.charts.get(name)).figure),
    );
  }
}

/** @param {string} phase */
function rank(phase) {
  const index = KNOWN.indexOf(phase);
  return index < 0 ? KNOWN.length : index;
}

/** The chart of one phase, with its figures in words above. */
class Chart {
  /** @param {string} phase */
  constructor(phase) {
    this.now = element("p", { class: "times" });
    this.top = element("p", { class: "axis" });
    this.span = element("p", { class: "axis" });
    const drawing = svg("svg", {
      viewBox: `0 -3 ${WIDTH} ${HEIGHT + 6}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true", // the caption says it in words
    });
    this.most = svg("path", { class: "most" });
    this.half = svg("path", { class: "half" });
    drawing.append(
      svg("path", { class: "edge", d: `M0 0H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }),
      this.most,
      this.half,
    );
    const title = element("h3", {}, phase);
    const about = element("span", { class: "about" }, ABOUT[phase] ?? "");
    const caption = element("figcaption", {}, title, about, this.now);
    this.figure = element("figure", { "data-phase": phase }, caption, this.top, drawing, this.span);
  }

  /**
   * @param {Times | undefined} times - undefined while no run got to this phase
   * @param {number} slot_s
   */
  show(times, slot_s) {
    if (!times) {
      say(this.now, "no runs");
      for (const line of [this.half, this.most]) line.setAttribute("d", "");
      say(this.top, "");
      say(this.span, "");
      return;
    }
    const top = topOf(times.p95_by_slot_s);
    say(this.now, `p50 ${took(times.p50_s)}, p95 ${took(times.p95_s)}`);
    say(this.top, took(top));
    say(this.span, `${long(times.p50_by_slot_s.length * slot_s)} ago to now`);
    this.half.setAttribute("d", pathOf(times.p50_by_slot_s, top));
    this.most.setAttribute("d", pathOf(times.p95_by_slot_s, top));
  }
}

/**
 * @param {string} name
 * @param {Record<string, string>} attributes
 */
export function svg(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}
