// How figures are written, and how elements are made: text is only ever set as text.

/**
 * Make an element.
 * @param {string} name
 * @param {Record<string, string>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElement}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/**
 * Set an element's text, unless it is the same: what a reader has selected stays selected.
 * @param {Element} place
 * @param {string} text
 */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/**
 * The element of this id, which index.html has.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * A time that something took: "12 ms", "1.2 s", "3 min".
 * @param {number | null | undefined} seconds
 */
export function took(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.0995) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 0.995) return `${Math.round(seconds * 100) * 10} ms`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  return long(seconds);
}

/**
 * A longer time, in its largest unit: "40 s", "3 min", "2 h", "5 d".
 * @param {number} seconds
 */
export function long(seconds) {
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}

/**
 * A part of a whole, as per cent.
 * @param {number | null | undefined} part
 */
export function percent(part) {
  return part === null || part === undefined ? "–" : `${Math.floor(part * 100)} %`;
}

/**
 * "1 run", "2 runs".
 * @param {number} count
 * @param {string} noun
 */
export function counted(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/**
 * Show a sentence in which commands stand between backticks.
 * @param {Element} place
 * @param {string} sentence
 */
export function sayWithCode(place, sentence) {
  const parts = sentence.split("`");
  place.replaceChildren(
    ...parts.map((part, index) => (index % 2 ? element("code", {}, part) : part)),
  );
}
