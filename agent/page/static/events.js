/* The stream of what the gateway tells: one connection, which is made again until it is closed. */

const NAMES = ["hello", "push", "notification", "alive", "over", "large"];
/* The gateway says something each 10 s. */
const SILENCE_MS = 25_000;
/* But before it says anything it reads the state of all tunnels, which takes long where there are many. */
const FIRST_MS = 120_000;
/* An event is heard of when it is there as a whole: one that was announced may come as slowly as this. */
const SLOWEST_OCTETS_PER_S = 16_384;
/* No announcement makes the page wait longer than for this. */
const LARGEST_OCTETS = 256 * 2 ** 20;
const LOOK_MS = 1000;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/* A stream that lived so long was a good one: the next wait is the shortest again. */
const PROVEN_MS = 20_000;

/**
 * Follow /events until `close` is called on what is returned; `again` makes a new stream, as after a loss.
 *
 * `onEvent(name, value)`: an event of the contract, its data as JSON; what it raises is no reason to stop, but what
 * came was not understood then, and a new stream tells all anew. `onState(state, detail)`: "connecting"; "live"
 * with a hello; "lost" with `{at, reason}`, where `at` is when the gateway was last heard (ms, null: never), and
 * `reason` is "broken", "silent", "stopping" or "not understood";
 * "over" with `{reason}` when the gateway ended the stream for good: then nothing is tried any more.
 * `allowed`: asked before each new stream, tells whether there still is a session.
 */
export function open(onEvent, onState, { trafficS = 10, allowed = async () => true } = {}) {
  let source = null;
  let heardAt = null;
  let beganAt = 0;
  let quietSince = 0;
  let patienceMs = FIRST_MS;
  let waitMs = FIRST_WAIT_MS;
  let timer = null;
  let closed = false;

  function connect() {
    beganAt = Date.now();
    quietSince = beganAt;
    patienceMs = FIRST_MS;
    source = new EventSource(`/events?traffic-s=${trafficS}`);
    const mine = source;
    for (const name of NAMES) {
      source.addEventListener(name, (event) => mine === source && take(name, event.data));
    }
    source.onerror = () => mine === source && lose("broken");
  }

  function take(name, data) {
    heardAt = Date.now();
    quietSince = heardAt;
    patienceMs = SILENCE_MS;
    let value;
    try {
      value = JSON.parse(data);
      if (name === "large") patienceMs += slowest(value.octets);
      if (name === "hello") onState("live", {});
      if (name === "over") return over(String(value.reason ?? ""));
      onEvent(name, value);
    } catch (error) {
      console.info("what came is not understood:", error.message);
      lose("not understood");
    }
  }

  function over(reason) {
    // A gateway that stops comes back; the other reasons end the session.
    if (reason === "stopping") return lose(reason);
    end();
    onState("over", { reason });
  }

  function lose(reason) {
    if (source === null) return;
    drop();
    const now = Date.now();
    if (now - beganAt > PROVEN_MS) waitMs = FIRST_WAIT_MS;
    onState("lost", { at: heardAt, reason });
    wait();
  }

  function wait() {
    // Many pages that lost one gateway must not come back to it in one moment.
    timer = setTimeout(retry, waitMs * (0.75 + Math.random() / 2));
    waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
  }

  /* An EventSource does not say that it was refused: whether there still is a session has to be asked. */
  async function retry() {
    timer = null;
    const may = await allowed().catch(() => null);
    if (closed) return;
    if (may === false) {
      end();
      return onState("over", { reason: "expired" });
    }
    if (may === null) return wait();
    onState("connecting", { at: heardAt });
    connect();
  }

  function drop() {
    source?.close();
    source = null;
  }

  function end() {
    closed = true;
    drop();
    clearTimeout(timer);
    clearInterval(watch);
    window.removeEventListener("online", hurry);
  }

  function hurry() {
    if (timer === null) return;
    clearTimeout(timer);
    waitMs = FIRST_WAIT_MS;
    retry();
  }

  const watch = setInterval(() => {
    const now = Date.now();
    // The clock of this machine may be put back, too.
    quietSince = Math.min(quietSince, now);
    beganAt = Math.min(beganAt, now);
    if (source !== null && now - quietSince > patienceMs) lose("silent");
  }, LOOK_MS);
  window.addEventListener("online", hurry);
  onState("connecting", { at: null });
  connect();

  return {
    close: end,
    again() {
      lose("not understood");
    },
    /** Try at once instead of waiting. */
    hurry,
  };
}

/** Return how long so many octets may take, in ms. */
function slowest(octets) {
  return (Math.min(Math.max(0, Number(octets) || 0), LARGEST_OCTETS) / SLOWEST_OCTETS_PER_S) * 1000;
}
