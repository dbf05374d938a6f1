// A table whose rows stay the same elements while their figures change, so that focus, selection and
// scrolling survive each second's news. Its columns sort it; a predicate filters it.

import { element, say } from "./words.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: Row) => string | number | null} value - what it is sorted by, and shown as
 * @property {(cell: HTMLElement, row: Row) => void} [show] - how it is shown instead
 * @property {boolean} [isNumber] - sorts downwards first, and stands at the right
 */

/**
 * Compare two values of a column: numbers by size, texts by the alphabet, and nothing last.
 * @param {string | number | null} one
 * @param {string | number | null} other
 */
export function compare(one, other) {
  if (one === null || other === null) return Number(one === null) - Number(other === null);
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(one).localeCompare(String(other), "en", { numeric: true });
}

/** @template Row */
export class Table {
  /**
   * @param {HTMLElement} table
   * @param {string} caption - for those who do not see its heading
   * @param {Column<Row>[]} columns
   * @param {(row: Row) => string} keyOf - tells one row from all others
   * @param {string} nothing - what stands in an empty table
   */
  constructor(table, caption, columns, keyOf, nothing) {
    this.columns = columns;
    this.keyOf = keyOf;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {(row: Row) => boolean} */
    this.isShown = () => true;
    /** @type {Map<string, HTMLElement>} */
    this.elements = new Map();
    /** @type {{column: number, isDown: boolean} | null} */
    this.order = null;
    this.heads = columns.map((column, index) => this.head(column, index));
    this.body = element("tbody", { role: "rowgroup" });
    this.nothing = element("tr", { role: "row", class: "nothing" });
    this.nothing.append(element("td", { role: "cell", colspan: `${columns.length}` }, nothing));
    table.setAttribute("role", "table");
    table.append(
      element("caption", { class: "unseen" }, caption),
      element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...this.heads)),
      this.body,
    );
  }

  /**
   * @param {Column<Row>} column
   * @param {number} index
   */
  head(column, index) {
    const button = element("button", { type: "button" }, column.title);
    button.addEventListener("click", () => this.sortBy(index));
    const attributes = { role: "columnheader", scope: "col", "aria-sort": "none" };
    const head = element("th", attributes, button);
    if (column.isNumber) head.className = "number";
    return head;
  }

  /** @param {number} index */
  sortBy(index) {
    const isFirst = this.order?.column !== index;
    const isDown = isFirst ? Boolean(this.columns[index].isNumber) : !this.order?.isDown;
    this.order = { column: index, isDown };
    this.heads.forEach((head, number) => {
      const sorted = isDown ? "descending" : "ascending";
      head.setAttribute("aria-sort", number === index ? sorted : "none");
    });
    this.show(this.rows);
  }

  /**
   * Hide a column that tells nothing.
   * @param {number} index
   * @param {boolean} isHidden
   */
  hide(index, isHidden) {
    this.heads[index].hidden = isHidden;
    for (const row of this.elements.values()) /** @type {HTMLElement} */ (row.children[index]).hidden = isHidden;
  }

  /** @param {(row: Row) => boolean} isShown */
  filter(isShown) {
    this.isShown = isShown;
    this.show(this.rows);
  }

  /**
   * Show these rows; how many the filter leaves.
   * @param {Row[]} rows
   */
  show(rows) {
    this.rows = rows;
    const shown = this.sorted(rows.filter(this.isShown));
    const keys = new Set(rows.map(this.keyOf));
    for (const key of [...this.elements.keys()]) if (!keys.has(key)) this.elements.delete(key);
    const wanted = shown.map((row) => this.row(row));
    this.arrange(wanted.length ? wanted : [this.nothing]);
    return shown.length;
  }

  /** @param {Row[]} rows */
  sorted(rows) {
    if (this.order === null) return rows;
    const { column, isDown } = this.order;
    const value = this.columns[column].value;
    return [...rows].sort((one, other) => {
      const [first, second] = [value(one), value(other)];
      const isBoth = first !== null && second !== null;
      return (isDown && isBoth ? -1 : 1) * compare(first, second);
    });
  }

  /** @param {Row} row */
  row(row) {
    const key = this.keyOf(row);
    let made = this.elements.get(key);
    if (!made) {
      made = element("tr", { role: "row" }, ...this.columns.map((column, index) => this.cell(column, index)));
      this.elements.set(key, made);
    }
    this.columns.forEach((column, index) => {
      const cell = /** @type {HTMLElement} */ (/** @type {HTMLElement} */ (made).children[index]);
      if (column.show) column.show(cell, row);
      else say(cell, `${column.value(row) ?? "–"}`);
    });
    return made;
  }

  /**
   * @param {Column<Row>} column
   * @param {number} index
   */
  cell(column, index) {
    const cell = element("td", { role: "cell", "data-title": column.title });
    if (column.isNumber) cell.className = "number";
    cell.hidden = this.heads[index].hidden;
    return cell;
  }

  /**
   * Put the rows into this order, and move none that is in its place: a moved one loses its focus.
   * @param {HTMLElement[]} wanted
   */
  arrange(wanted) {
    const keep = new Set(wanted);
    for (const row of [...this.body.children]) if (!keep.has(/** @type {HTMLElement} */ (row))) row.remove();
    wanted.forEach((row, index) => {
      const there = this.body.children[index];
      if (there !== row) this.body.insertBefore(row, there ?? null);
    });
  }
}
