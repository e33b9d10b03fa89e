/* A list that grows at its end and stays bounded; it follows its end unless the reader has scrolled up. */

import { Bounded } from "./bounded.js";
import { h, setText } from "./dom.js";
import { counted } from "./words.js";

const NEAR_PX = 24;

/**
 * Return `{add(one), clear(), close(), newer}`. `scroller` scrolls `list`, which has `most` children at most;
 * `item(one)`: an element; `noun`: of one. `newer` is a button that leads back to the end.
 */
export function tail({ scroller, list, most, item, noun }) {
  const waiting = new Bounded(most);
  let atEnd = true;
  let unseen = 0;
  let frame = 0;
  const newer = h("button", { type: "button", class: "newer", hidden: true, onclick: toEnd }, "");

  function draw() {
    frame = 0;
    const { items, dropped } = waiting.drain();
    list.append(...items.map(item));
    while (list.childElementCount > most) list.firstElementChild.remove();
    if (atEnd) return toEnd();
    unseen += items.length + dropped;
    setText(newer, `${counted(unseen, `newer ${noun}`)} below`);
    newer.hidden = false;
  }

  function toEnd() {
    atEnd = true;
    unseen = 0;
    newer.hidden = true;
    scroller.scrollTop = scroller.scrollHeight;
  }

  function scrolled() {
    atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < NEAR_PX;
    if (atEnd && unseen > 0) toEnd();
  }

  scroller.addEventListener("scroll", scrolled, { passive: true });
  return {
    newer,
    add(one) {
      waiting.push(one);
      // One drawing for all that comes until the next frame; a page that nobody looks at draws nothing.
      frame ||= requestAnimationFrame(draw);
    },
    clear() {
      waiting.drain();
      list.replaceChildren();
      toEnd();
    },
    close() {
      cancelAnimationFrame(frame);
    },
  };
}
