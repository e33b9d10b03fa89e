/* The log of the daemon and the packets that pass, of one tunnel: begun, shown as they come, and ended with the view. */

import { h, replace, setText } from "./dom.js";
import { problem } from "./parts.js";
import { hearing } from "./reading.js";
import { tail } from "./tail.js";
import { visible } from "./visible.js";
import { clock, counted, instant } from "./words.js";

/* What a browser leaves behind when it dies ends by itself; what runs longer is begun again. */
const LEASE_S = 600;
/* What comes before the answer that says which number it has. */
const EARLY_MAX = 200;

export const WHY = Object.freeze({
  stopped: "somebody stopped it, or the gateway's agent ended",
  time: "its time is up",
  lines: "it has shown as many lines as it may",
  packets: "it has shown as many packets as it may",
  octets: "its file is full",
  failed: "the capture failed; the log of the agent says why",
});

export const LOG = Object.freeze({
  name: "log",
  event: "yangswan-daemon:log-line",
  count: "lines",
  bound: 10_000,
  shown: 1000,
  noun: "line",
  list: logList,
  item: logLine,
});

export const PACKETS = Object.freeze({
  name: "monitor",
  label: "packets",
  event: "yangswan-daemon:packet",
  count: "packets",
  bound: 5000,
  shown: 500,
  noun: "packet",
  list: packetList,
  item: packetRow,
});

/** Build into `body` what follows `source` for tunnel `id`; returns `close()`, which stops it on the gateway, too. */
export function following(context, id, source, body) {
  const label = source.label ?? source.name;
  const { scroller, list } = source.list(id);
  const lines = tail({ scroller, list, most: source.shown, item: source.item, noun: source.noun });
  const button = h("button", { type: "button", onclick: pressed }, `Follow ${label}`);
  const status = h("p", { class: "muted", role: "status" });
  const trouble = h("div", {});
  const frame = h("div", { class: "tail", hidden: true }, scroller, lines.newer);
  replace(body, h("div", { class: "buttons" }, button), status, trouble, frame);

  let number = null; // what the gateway calls it, while it runs
  let wanted = false;
  let starting = null; // the start that is not answered yet: what came meanwhile
  let count = 0;
  const names = [source.event, `yangswan-daemon:${source.name}-ended`, "yangswan-agent:notifications-missed"];
  const deaf = hearing(context, names, heard);
  const again = context.onLiveAgain(() => wanted && renew());
  window.addEventListener("pagehide", leave);

  function pressed() {
    if (wanted) end();
    else begin();
  }

  function begin() {
    const deafness = context.link.refused.events;
    if (deafness) {
      return replace(trouble, problem(`The ${label} cannot be followed, as you may not be told of events`, deafness));
    }
    wanted = true;
    count = 0;
    lines.clear();
    frame.hidden = false;
    draw();
    return start();
  }

  async function start() {
    const early = [];
    starting = early;
    replace(trouble);
    const input = { tunnel: [id], seconds: LEASE_S, [source.count]: source.bound };
    let begun;
    try {
      begun = (await context.api.invoke(`/operations/yangswan-daemon:start-${source.name}`, input))[`${source.name}-id`];
    } catch (error) {
      if (starting === early) failed(error);
      return;
    }
    // Who has stopped, and perhaps followed anew, before it was answered wants that one no more.
    const isOurs = wanted && starting === early;
    if (starting === early) starting = null;
    if (!isOurs) return stop(begun);
    number = begun;
    draw();
    for (const event of early) heard(event);
  }

  function failed(error) {
    starting = null;
    if (!wanted) return;
    wanted = false;
    replace(trouble, problem(`The ${label} cannot be followed`, error));
    draw();
  }

  function end() {
    wanted = false;
    draw(`Stopped. ${counted(count, source.noun)} shown.`);
    stopRunning();
  }

  /* One that is being started is stopped when it has a number. */
  function stopRunning(how) {
    const running = number;
    number = null;
    return running === null ? undefined : stop(running, how);
  }

  async function stop(running, { keepalive = false } = {}) {
    try {
      await context.api.invoke(`/operations/yangswan-daemon:stop-${source.name}`, { [`${source.name}-id`]: running }, { keepalive });
    } catch {
      /* What cannot be stopped ends by itself. */
    }
  }

  /* The gateway may have been started anew, and know nothing of it. */
  async function renew() {
    if (starting !== null) return;
    await stopRunning();
    if (wanted && starting === null && number === null) await start();
  }

  function heard(event) {
    const { name, content } = event;
    if (name === "yangswan-agent:notifications-missed") {
      if (wanted) replace(trouble, h("p", { class: "warning" }, `${counted(content.count ?? 0, "event")} could not be shown: more came than this page was able to take.`));
      return;
    }
    if (starting !== null) {
      if (starting.length < EARLY_MAX) starting.push(event);
      return;
    }
    if (number === null || content[`${source.name}-id`] !== number) return;
    if (name !== source.event) return ended(content.reason);
    count += 1;
    lines.add(event);
  }

  function ended(reason) {
    number = null;
    if (wanted && reason === "time") return void start();
    wanted = false;
    draw(`It ended: ${WHY[reason] ?? reason}. ${counted(count, source.noun)} shown.`);
  }

  function draw(text = wanted ? `Following; the newest ${counted(source.shown, source.noun)} stay here.` : "") {
    setText(button, wanted ? `Stop ${label}` : `Follow ${label}`);
    setText(status, text);
  }

  function leave() {
    wanted = false;
    stopRunning({ keepalive: true });
  }

  return {
    close() {
      wanted = false;
      deaf();
      again();
      lines.close();
      window.removeEventListener("pagehide", leave);
      stopRunning();
    },
  };
}

function logList(id) {
  const list = h("div", { class: "log-lines", role: "log", "aria-live": "off", "aria-label": `Log of tunnel ${id}`, tabindex: "0" });
  return { scroller: list, list };
}

function logLine({ content, time }) {
  const group = String(content.group ?? "").toUpperCase();
  const thread = content.thread === undefined ? "" : String(content.thread).padStart(2, "0");
  return h("div", {}, h("span", { class: "muted" }, `${moment(time)} ${thread}[${visible(group)}] `), h("bdi", {}, visible(content.text)));
}

function packetList(id) {
  const list = h("tbody", {});
  const columns = ["Time", "From", "To", "Kind", "SPIs", "Number", "Octets"];
  const head = h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, name))));
  const table = h("table", { class: "view-table packets" }, h("caption", {}, `Packets of tunnel ${id}`), head, list);
  const scroller = h("div", { class: "packet-rows", role: "group", tabindex: "0", "aria-label": `Packets of tunnel ${id}, the newest last` }, table);
  return { scroller, list };
}

function packetRow({ content, time }) {
  const cells = [
    content.source,
    content.destination,
    kindOf(content),
    content.protocol === "ike" ? `${content["initiator-spi"] ?? ""} ${content["responder-spi"] ?? ""}` : content.spi,
    content.sequence,
    content.length,
  ];
  return h("tr", {}, h("th", { scope: "row" }, moment(time)), cells.map((cell) => h("td", {}, visible(cell))));
}

function kindOf({ protocol, exchange, response }) {
  if (protocol !== "ike") return String(protocol ?? "").toUpperCase();
  return `IKE ${exchange ?? ""} ${response === true ? "response" : "request"}`;
}

/** Return the time of day with its thousandths. */
function moment(time) {
  const at = instant(time);
  return Number.isNaN(at) ? String(time) : `${clock(at)}.${String(at % 1000).padStart(3, "0")}`;
}
