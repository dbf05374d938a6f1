// Follows the stream of the service's states, and shows each one.

import { Charts } from "./charts.js";
import { BAD_RUN_COLUMNS, hitRate, imageColumns, PULL_COLUMNS, REPLICA_COLUMNS, runs, trouble } from "./columns.js";
import { Table } from "./tables.js";
import { byId, counted, element, long, percent, say, sayWithCode } from "./words.js";

/**
 * @typedef {import("./columns.js").Replica} Replica
 * @typedef {import("./columns.js").Image} Image
 * @typedef {import("./columns.js").Pull} Pull
 * @typedef {import("./columns.js").BadRun} BadRun
 * @typedef {{level: string, what: string, why: string, do: string, docs: string}} Finding
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

/** @type {Table<Image>} */
const images = new Table(
  byId("images"),
  "Images and their containers",
  imageColumns((row) => row.replica === ours),
  (row) => JSON.stringify([row.replica, row.name]),
  "No image: none was asked for yet, or the filter hides all.",
);
const ACT_COLUMN = images.columns.length - 1;

/** @type {Table<Pull>} */
const pulls = new Table(
  byId("pulls"),
  "Pulls under way, and those that failed",
  PULL_COLUMNS,
  (row) => JSON.stringify([row.replica, row.name]),
  "No pull is under way, and none has failed.",
);

/** @type {Table<Replica>} */
const replicas = new Table(
  byId("replicas"),
  "This replica and its siblings",
  REPLICA_COLUMNS,
  (row) => row.address ?? "",
  "No news yet.",
);

/** @type {Table<BadRun & {number: number}>} */
const bad = new Table(
  byId("bad"),
  "The last runs that ended badly",
  BAD_RUN_COLUMNS,
  (row) => JSON.stringify([row.replica, row.at, row.number]),
  "None.",
);

const charts = new Charts(byId("phases"));
let ours = "";
let newsAt = 0;
let isLost = false;
let imagesLeftOut = 0; // rows that the daemon has not sent, by its last state

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
