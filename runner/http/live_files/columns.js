// The columns of the page's tables: how each kind of row is ordered and shown.

import { showActs } from "./acts.js";
import { svg } from "./charts.js";
import { element, long, percent, say, took } from "./words.js";

/**
 * @typedef {object} Replica
 * @property {string} name
 * @property {string} status
 * @property {boolean} engine
 * @property {boolean} colours - whether they can be told
 * @property {number} faulty_colours
 * @property {string} kind
 * @property {string} why_no_cells
 * @property {number} uptime_s
 * @property {number} running
 * @property {number | null} places
 * @property {number} queued
 * @property {number} refused
 * @property {number} warm
 * @property {number} target
 * @property {number} hits
 * @property {number} misses
 * @property {string} [address] - of a sibling
 * @property {string} [trouble]
 * @property {number | null} [figures_ago_s]
 * @property {number | null} [heard_ago_s]
 *
 * @typedef {object} Image
 * @property {string} replica
 * @property {string} name
 * @property {number} warm
 * @property {number} target
 * @property {number} leased
 * @property {number} starting
 * @property {number | null} hit_rate
 * @property {number | null} warming_s
 * @property {string} mode
 * @property {string} why
 * @property {string} last_error
 * @property {number} pause_s - until a start is tried again
 *
 * @typedef {{replica: string, name: string, since_s: number, attempts: number, last_error: string}} Pull
 *
 * @typedef {object} BadRun
 * @property {string} replica
 * @property {number} at
 * @property {string} kata_id
 * @property {string} image
 * @property {string} outcome
 * @property {string} status
 * @property {string} reason
 * @property {number} took_s
 * @property {Record<string, number>} phases_s
 */

/**
 * @template Row
 * @typedef {import("./tables.js").Column<Row>} Column
 */

/**
 * Warm containers against their target: a bar, and the same as text.
 * @param {HTMLElement} cell
 * @param {any} row - with `warm` and `target`: an image or a replica
 */
function showWarm(cell, row) {
  if (!cell.firstChild) {
    const bar = svg("svg", { class: "bar", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
    bar.append(svg("rect", { class: "whole", width: "100", height: "10" }), svg("rect", { class: "part", height: "10" }));
    cell.append(element("span", {}), bar);
  }
  const [text, bar] = cell.children;
  say(text, `${row.warm} of ${row.target}`);
  const part = row.target ? Math.min(1, row.warm / row.target) : Number(row.warm > 0);
  bar.children[1].setAttribute("width", `${Math.round(part * 100)}`);
}

/**
 * A cell whose text is untrusted, or long, or both.
 * @param {(row: any) => string} textOf
 * @param {string} [kind]
 * @returns {(cell: HTMLElement, row: any) => void}
 */
function showText(textOf, kind = "") {
  return (cell, row) => {
    const text = textOf(row);
    if (!cell.firstChild) cell.append(element("bdi", kind ? { class: kind } : {}));
    say(/** @type {Element} */ (cell.firstChild), text || "–");
    cell.dataset.empty = `${!text}`; // a card leaves it out
  };
}

/** @param {Image} row */
export const trouble = (row) => Boolean(row.last_error);

/**
 * @param {(row: Image) => boolean} isOurs - whether this replica tells of the row
 * @returns {Column<Image>[]}
 */
export const imageColumns = (isOurs) => [
  { title: "Image", value: (row) => row.name, show: showText((row) => row.name, "name") },
  { title: "Replica", value: (row) => row.replica, show: showText((row) => row.replica, "short") },
  { title: "Warm", value: (row) => (row.target ? row.warm / row.target : null), show: showWarm },
  { title: "In use", value: (row) => row.leased, isNumber: true },
  { title: "Starting", value: (row) => row.starting, isNumber: true },
  { title: "Hits", value: (row) => row.hit_rate, show: (cell, row) => say(cell, percent(row.hit_rate)), isNumber: true },
  { title: "To warm", value: (row) => row.warming_s, show: (cell, row) => say(cell, took(row.warming_s)), isNumber: true },
  { title: "Container", value: (row) => row.mode, show: showText((row) => (row.why ? `${row.mode}: ${row.why}` : row.mode)) },
  {
    title: "Starts",
    value: (row) => (trouble(row) ? "fail" : "well"),
    show: (cell, row) => {
      cell.dataset.level = trouble(row) ? "bad" : "well";
      const pause = row.pause_s ? `, again in ${long(row.pause_s)}` : "";
      say(cell, trouble(row) ? `fail${pause}` : "well");
    },
  },
  { title: "Last error", value: (row) => row.last_error || null, show: showText((row) => row.last_error, "words") },
  { title: "Act", value: () => null, show: (cell, row) => showActs(cell, row.name, isOurs(row)) },
];

/** @type {Column<Pull>[]} */
export const PULL_COLUMNS = [
  { title: "Image", value: (row) => row.name, show: showText((row) => row.name, "name") },
  { title: "Replica", value: (row) => row.replica, show: showText((row) => row.replica, "short") },
  { title: "Since", value: (row) => row.since_s || null, show: (cell, row) => say(cell, row.since_s ? long(row.since_s) : "–"), isNumber: true },
  { title: "Attempts", value: (row) => row.attempts || null, isNumber: true },
  { title: "Last error", value: (row) => row.last_error || null, show: showText((row) => row.last_error, "words") },
];

/** @type {Column<Replica>[]} */
export const REPLICA_COLUMNS = [
  {
    title: "Replica",
    value: (row) => row.name || row.address || "",
    show: (cell, row) => {
      const name = row.name || "not heard yet";
      showText(() => (row.address ? `${name} at ${row.address}` : `${name} (this one)`), "name")(cell, row);
    },
  },
  {
    title: "Status",
    value: (row) => row.trouble || row.status,
    show: (cell, row) => {
      cell.dataset.level = row.trouble ? "warn" : row.status === "ok" ? "well" : "bad";
      showText(() => (row.trouble ? "no answer" : row.status))(cell, row);
    },
  },
  { title: "Runs", value: (row) => row.running ?? null, show: (cell, row) => say(cell, runs(row)), isNumber: true },
  { title: "Queued", value: (row) => row.queued ?? null, isNumber: true },
  {
    title: "Warm",
    value: (row) => row.warm ?? null,
    show: (cell, row) => {
      if (row.warm === undefined) say(cell, "–");
      else {
        if (!cell.firstElementChild) cell.replaceChildren();
        showWarm(cell, row);
      }
    },
  },
  { title: "Hits", value: hitRate, show: (cell, row) => say(cell, percent(hitRate(row))), isNumber: true },
  { title: "Container", value: (row) => row.kind ?? null, show: showText((row) => row.kind ?? "", "short") },
  { title: "Figures", value: (row) => row.figures_ago_s ?? null, show: (cell, row) => say(cell, row.address ? ago(row.figures_ago_s) : "now"), isNumber: true },
  { title: "Last notice", value: (row) => row.heard_ago_s ?? null, show: (cell, row) => say(cell, ago(row.heard_ago_s)), isNumber: true },
  { title: "Trouble", value: (row) => row.trouble || null, show: showText((row) => row.trouble ?? "", "words") },
];

/** @type {Column<BadRun & {number: number}>[]} */
export const BAD_RUN_COLUMNS = [
  { title: "When", value: (row) => -row.at, show: showText((row) => clock(row.at), "short") },
  { title: "Replica", value: (row) => row.replica, show: showText((row) => row.replica, "short") },
  { title: "Id", value: (row) => row.kata_id, show: showText((row) => row.kata_id) },
  { title: "Image", value: (row) => row.image, show: showText((row) => row.image, "name") },
  { title: "Outcome", value: (row) => row.outcome, show: showText((row) => (row.status ? `${row.outcome} (${row.status})` : row.outcome)) },
  { title: "Took", value: (row) => row.took_s, show: (cell, row) => say(cell, took(row.took_s)), isNumber: true },
  { title: "Phases", value: (row) => phasesOf(row), show: showText(phasesOf) },
  { title: "Reason", value: (row) => row.reason || null, show: showText((row) => row.reason, "words") },
];

/** @param {Replica} row */
export function runs(row) {
  if (row.running === undefined) return "–";
  return row.places ? `${row.running} of ${row.places}` : `${row.running}`;
}

/** @param {Replica} row */
export function hitRate(row) {
  const takes = (row.hits ?? 0) + (row.misses ?? 0);
  return takes ? row.hits / takes : null;
}

/** @param {number | null | undefined} seconds */
function ago(seconds) {
  return seconds === null || seconds === undefined ? "–" : `${long(seconds)} ago`;
}

/** @param {number} unix_s */
function clock(unix_s) {
  return new Date(unix_s * 1000).toLocaleTimeString("en-GB");
}

/** @param {BadRun} row */
function phasesOf(row) {
  return Object.entries(row.phases_s)
    .map(([phase, seconds]) => `${phase} ${took(seconds)}`)
    .join(", ");
}
