// The two acts of operators: warm and drain an image. The token is kept in its field, and nowhere else.

import { byId, element, say } from "./words.js";

/**
 * Ask the service to act, and say what became of it.
 * @param {"warm" | "drain"} act
 * @param {string} image
 */
async function ask(act, image) {
  const token = /** @type {HTMLInputElement} */ (byId("token")).value;
  const containers = Number(/** @type {HTMLInputElement} */ (byId("containers")).value);
  const said = byId("acted");
  say(said, `${act} ${image}…`);
  try {
    const answer = await fetch(`/acts/${act}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify(act === "warm" ? { image, containers } : { image }),
    });
    const body = await answer.json();
    const good = `${act} ${image}: its pool now keeps ${body.target}`;
    say(said, answer.ok ? good : `${act} ${image}: ${body.detail}`);
  } catch (error) {
    say(said, `${act} ${image}: ${error}`);
  }
}

/**
 * The buttons of one image.
 * @param {HTMLElement} cell
 * @param {string} image
 * @param {boolean} isOurs - whether this replica has the image; a sibling's acts are on its own page
 */
export function showActs(cell, image, isOurs) {
  if (cell.firstChild || !isOurs) return;
  for (const act of /** @type {const} */ (["warm", "drain"])) {
    const button = element("button", { type: "button", "aria-label": `${act} ${image}` }, act);
    button.addEventListener("click", () => ask(act, image));
    cell.append(button);
  }
}
