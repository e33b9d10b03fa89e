/* Reads once, and again when something has changed: never two reads at a time, and one for a burst of events. */

import { replace } from "./dom.js";
import { problem, ticking } from "./parts.js";

const PAUSE_MS = 400;

/**
 * Read now. `read(signal)`: a promise of what is to be drawn; `draw(found)`, `fail(error)`: what comes of it.
 * `pauseMs`: how long events gather before they cause a read, and so the least time between two.
 * Returns `{again(), now(), close()}`: an event came; somebody asks; nothing is wanted any more.
 */
export function reading(read, { draw, fail, pauseMs = PAUSE_MS }) {
  const aborting = new AbortController();
  let busy = false;
  let stale = false;
  let timer = null;

  async function now() {
    clearTimeout(timer);
    timer = null;
    if (aborting.signal.aborted) return;
    if (busy) {
      stale = true;
      return;
    }
    busy = true;
    try {
      const found = await read(aborting.signal);
      if (!aborting.signal.aborted) draw(found);
    } catch (error) {
      if (!aborting.signal.aborted) fail(error);
    } finally {
      busy = false;
    }
    if (stale) {
      stale = false;
      again();
    }
  }

  function again() {
    if (aborting.signal.aborted || timer !== null) return;
    if (busy) stale = true;
    else timer = setTimeout(now, pauseMs);
  }

  function close() {
    clearTimeout(timer);
    aborting.abort();
  }

  now();
  return { again, now, close };
}

/** Return `{name, content}` of an event as RESTCONF writes it, null of what is none. */
export function eventOf(json) {
  const event = json?.["ietf-restconf:notification"] ?? json;
  const found = Object.entries(event ?? {}).find(([name]) => name.includes(":"));
  return found === undefined ? null : { name: found[0], content: found[1] ?? {}, time: event.eventTime ?? "" };
}

/** Call `callback({name, content, time})` for each event whose name is among `names`; returns what ends that. */
export function hearing(context, names, callback) {
  return context.onNotification((json) => {
    const event = eventOf(json);
    if (event !== null && names.includes(event.name)) callback(event);
  });
}

/**
 * Read what `view` shows, and again after each event among `names` and when the gateway is heard again.
 *
 * `read(signal)`, `draw(found)`, `pauseMs`: as of `reading`; what goes wrong stands in `trouble`, `doing` is how that
 * sentence begins. Returns `{again(), now(), close()}`.
 */
export function standing(context, { view, trouble, doing, names, read, draw, pauseMs }) {
  const reader = reading(read, {
    pauseMs,
    draw(found) {
      replace(trouble);
      draw(found);
    },
    fail(error) {
      for (const place of view.querySelectorAll("[aria-busy]")) done(place);
      replace(trouble, problem(doing, error, reader.now));
    },
  });
  const ends = [hearing(context, names, reader.again), context.onLiveAgain(reader.again), ticking(view, context), reader.close];
  return { ...reader, close: () => ends.forEach((end) => end()) };
}

function done(place) {
  place.removeAttribute("aria-busy");
  replace(place);
}

/** Return what `read` promises, undefined where there is nothing, or nothing that this user may read. */
export async function orNothing(read) {
  try {
    return await read;
  } catch (error) {
    if (error.status === 404 || error.status === 403) return undefined;
    throw error;
  }
}

/** Return the number that stands in an address of the page, null for what is none. */
export function numberOf(text) {
  return /^[1-9][0-9]{0,9}$/.test(text) ? Number(text) : null;
}
