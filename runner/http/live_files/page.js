// Follows the stream of the service's states, and shows each one.

import { showActs } from "./acts.js";
import { Charts, svg } from "./charts.js";
import { Table } from "./tables.js";
import { byId, counted, element, long, percent, say, sayWithCode, took } from "./words.js";

/**
 * @typedef {{level: string, what: string, why: string, do: string, docs: string}} Finding
 *
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
 *
 * @typedef {object} State
 * @property {string} replica
 * @property {string} status
 * @property {Finding[]} findings
 * @property {Replica[]} replicas - this one first
 * @property {Image[]} images
 * @property {number} images_left_out
 * @property {Pull[]} pulls
 * @property {number} slot_s
 * @property {Record<string, number>} outcomes
 * @property {Record<string, import("./charts.js").Times>} phases
 * @property {BadRun[]} bad_runs
 * @property {boolean} acts
 */

const STALE_S = 4;
const AGAIN_S = 2;
const REPLICA_COLUMN = 1;
const VERDICTS = { bad: "Not well", warn: "Something needs a look", note: "Well", unknown: "No news" };

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
const trouble = (row) => Boolean(row.last_error);

/** @type {Table<Image>} */
const images = new Table(
  byId("images"),
  "Images and their containers",
  [
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
    { title: "Act", value: () => null, show: (cell, row) => showActs(cell, row.name, row.replica === ours) },
  ],
  (row) => JSON.stringify([row.replica, row.name]),
  "No image: none was asked for yet, or the filter hides all.",
);
const ACT_COLUMN = images.columns.length - 1;

/** @type {Table<Pull>} */
const pulls = new Table(
  byId("pulls"),
  "Pulls under way, and those that failed",
  [
    { title: "Image", value: (row) => row.name, show: showText((row) => row.name, "name") },
    { title: "Replica", value: (row) => row.replica, show: showText((row) => row.replica, "short") },
    { title: "Since", value: (row) => row.since_s || null, show: (cell, row) => say(cell, row.since_s ? long(row.since_s) : "–"), isNumber: true },
    { title: "Attempts", value: (row) => row.attempts || null, isNumber: true },
    { title: "Last error", value: (row) => row.last_error || null, show: showText((row) => row.last_error, "words") },
  ],
  (row) => JSON.stringify([row.replica, row.name]),
  "No pull is under way, and none has failed.",
);

/** @type {Table<Replica>} */
const replicas = new Table(
  byId("replicas"),
  "This replica and its siblings",
  [
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
  ],
  (row) => row.address ?? "",
  "No news yet.",
);

/** @type {Table<BadRun & {number: number}>} */
const bad = new Table(
  byId("bad"),
  "The last runs that ended badly",
  [
    { title: "When", value: (row) => -row.at, show: showText((row) => clock(row.at), "short") },
    { title: "Replica", value: (row) => row.replica, show: showText((row) => row.replica, "short") },
    { title: "Id", value: (row) => row.kata_id, show: showText((row) => row.kata_id) },
    { title: "Image", value: (row) => row.image, show: showText((row) => row.image, "name") },
    { title: "Outcome", value: (row) => row.outcome, show: showText((row) => (row.status ? `${row.outcome} (${row.status})` : row.outcome)) },
    { title: "Took", value: (row) => row.took_s, show: (cell, row) => say(cell, took(row.took_s)), isNumber: true },
    { title: "Phases", value: (row) => phasesOf(row), show: showText(phasesOf) },
    { title: "Reason", value: (row) => row.reason || null, show: showText((row) => row.reason, "words") },
  ],
  (row) => JSON.stringify([row.replica, row.at, row.number]),
  "None.",
);

const charts = new Charts(byId("phases"));
let ours = "";
let newsAt = 0;
let isLost = false;
let imagesLeftOut = 0; // rows that the daemon has not sent, by its last state

/** @param {Replica} row */
function runs(row) {
  if (row.running === undefined) return "–";
  return row.places ? `${row.running} of ${row.places}` : `${row.running}`;
}

/** @param {Replica} row */
function hitRate(row) {
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

/** @param {State} state */
function show(state) {
  newsAt = Date.now();
  ours = state.replica;
  const [own] = state.replicas;
  say(byId("replica"), state.replica);
  document.title = `${worst(state.findings) === "note" ? "" : "⚠ "}dojo-runner ${state.replica}`;
  showBanner(state.findings, own);
  showNow(state, own);
  charts.show(state.phases, state.slot_s);
  images.hide(REPLICA_COLUMN, state.replicas.length < 2);
  pulls.hide(REPLICA_COLUMN, state.replicas.length < 2);
  bad.hide(REPLICA_COLUMN, state.replicas.length < 2);
  images.hide(ACT_COLUMN, !state.acts);
  byId("act").hidden = !state.acts;
  imagesLeftOut = state.images_left_out;
  showImages(state.images);
  pulls.show(state.pulls);
  replicas.show(state.replicas);
  bad.show(numbered(state.bad_runs));
}

/**
 * Of runs that ended at the very same time each has a number.
 * @param {BadRun[]} runs
 */
function numbered(runs) {
  /** @type {Map<number, number>} */
  const seen = new Map();
  return runs.map((run) => {
    const number = seen.get(run.at) ?? 0;
    seen.set(run.at, number + 1);
    return { ...run, number };
  });
}

/** @param {Finding[]} findings */
function worst(findings) {
  return findings.length ? findings[0].level : "note";
}

/**
 * @param {Finding[]} findings
 * @param {Replica} own
 */
function showBanner(findings, own) {
  const level = worst(findings);
  byId("banner").dataset.level = level === "note" ? "well" : level;
  const verdict = level === "note" && own.status === "draining" ? "Draining" : VERDICTS[/** @type {"bad"} */ (level)];
  say(byId("verdict"), verdict);
  const list = byId("findings");
  const now = JSON.stringify(findings);
  if (list.dataset.shown === now) return;
  list.dataset.shown = now;
  list.replaceChildren(...findings.map(showFinding));
}

/** @param {Finding} finding */
function showFinding(finding) {
  const act = element("p");
  sayWithCode(act, finding.do);
  act.prepend(element("strong", {}, "Do: "));
  return element(
    "li",
    { "data-level": finding.level },
    element("h3", {}, element("bdi", {}, finding.what)),
    element("p", {}, element("bdi", { class: "words" }, finding.why)),
    act,
    element("p", { class: "docs" }, `docs/operations.md: ${finding.docs}`),
  );
}

/**
 * @param {State} state
 * @param {Replica} own
 */
function showNow(state, own) {
  const total = Object.values(state.outcomes).reduce((sum, count) => sum + count, 0);
  const ended = Object.entries(state.outcomes).sort(([one], [other]) => one.localeCompare(other));
  /** @type {[string, string, string][]} */
  const facts = [
    ["Runs now", runs(own), ""],
    ["Queued", `${own.queued}`, own.refused ? `${own.refused} refused since the start` : ""],
    ["Warm", `${own.warm} of ${own.target}`, "containers"],
    ["Hits", percent(hitRate(own)), "found a warm container"],
    ["Last 5 minutes", counted(total, "run"), ended.map(([name, count]) => `${count} ${name}`).join(", ")],
    ["Engine", own.engine ? "answers" : "no answer", ""],
    ["Colours", own.colours ? "told" : "not told", own.faulty_colours ? `${counted(own.faulty_colours, "run")} without one` : ""],
    ["Containers", own.kind, own.why_no_cells ? `no cells: ${own.why_no_cells}` : ""],
    ["Up for", long(own.uptime_s), own.status],
  ];
  const list = byId("now");
  if (list.children.length !== facts.length) {
    list.replaceChildren(
      ...facts.map(([name]) =>
        element("div", {}, element("dt", {}, name), element("dd", { class: "figure" }), element("dd", { class: "more" })),
      ),
    );
  }
  facts.forEach(([, figure, more], index) => {
    const [, first, second] = list.children[index].children;
    say(first, figure);
    say(second, more);
  });
}

/** @param {Image[]} rows */
function showImages(rows) {
  const shown = images.show(rows);
  const more = imagesLeftOut ? `, ${imagesLeftOut} more are not sent` : "";
  say(byId("shown"), `${shown} of ${counted(rows.length, "row")}${more}`);
}

function filterImages() {
  const wanted = /** @type {HTMLInputElement} */ (byId("filter")).value.toLowerCase();
  const onlyTrouble = /** @type {HTMLInputElement} */ (byId("trouble")).checked;
  images.filter((row) => {
    const text = `${row.name} ${row.replica} ${row.mode} ${row.last_error}`.toLowerCase();
    return text.includes(wanted) && (!onlyTrouble || trouble(row));
  });
  showImages(images.rows);
}

/** Say how old the figures are, so that a page without news does not look as if all were well. */
function showAge() {
  const age_s = newsAt ? (Date.now() - newsAt) / 1000 : 0;
  const isStale = isLost || age_s > STALE_S;
  document.body.dataset.stale = `${isStale}`;
  if (!isStale) {
    say(byId("news"), newsAt ? "live" : "connecting…");
    return;
  }
  const since = newsAt ? `, figures are ${long(age_s)} old` : "";
  say(byId("news"), `no connection to the daemon${since}; trying again`);
  byId("banner").dataset.level = "unknown";
  say(byId("verdict"), VERDICTS.unknown);
}

function follow() {
  const source = new EventSource("/page/stream");
  source.onmessage = (event) => {
    isLost = false;
    show(JSON.parse(event.data));
    showAge();
  };
  source.onerror = () => {
    // We connect again ourselves, because a browser gives up if the answer is an error.
    source.close();
    isLost = true;
    showAge();
    setTimeout(follow, AGAIN_S * 1000);
  };
}

byId("filter").addEventListener("input", filterImages);
byId("trouble").addEventListener("change", filterImages);
setInterval(showAge, 1000);
follow();
