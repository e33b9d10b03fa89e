/* The page: who is logged in, which view is shown, and one connection to the gateway for all of them. */

import * as api from "./api.js";
import { h, replace, setText } from "./dom.js";
import { Frame } from "./frame.js";
import { Link } from "./link.js";
import { showLogin } from "./login.js";
import { Tunnels } from "./store.js";

/* A view is fetched when it is first shown. `nth`: what the second step of its place is called. */
const VIEWS = {
  tunnels: { load: () => import("./table.js"), nth: "id", one: () => import("./tunnel.js") },
  history: { load: () => import("./history.js"), nth: "commit", one: () => import("./commit.js") },
  sessions: { load: () => import("./sessions.js") },
  daemon: { load: () => import("./daemon.js") },
  certificates: { load: () => import("./certificates.js") },
};

const OVER = {
  logout: "You have logged out.",
  login: "There was another login in this browser. It has ended, too: log in again.",
  expired: "Your session has ended. Log in again.",
  changed: "Your session was ended, because your user, its password or its rights have changed. Log in again.",
};

const main = document.getElementById("main");
const tunnels = new Tunnels();
const frame = new Frame(document.getElementById("header"), document.getElementById("messages"), {
  onLogout: leave,
  onHurry: () => link?.hurry(),
});

let session = null;
let link = null;
let view = null;
let turn = 0;

/** Return the view of the address: `{place, load, parameters}`. */
function route() {
  const [place, second] = location.hash.replace(/^#\/?/, "").split("/");
  const known = Object.hasOwn(VIEWS, place) ? place : "tunnels";
  const { load, one, nth } = VIEWS[known];
  if (second && one) return { place: known, load: one, parameters: { [nth]: decoded(second) } };
  return { place: known, load, parameters: {} };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function showView({ moveFocus }) {
  if (session === null) return;
  const mine = ++turn;
  close();
  const { place, load, parameters } = route();
  frame.place(place);
  const room = h("div", { class: "room" }, h("p", { class: "empty" }, "Loading…"));
  replace(main, room);
  let shown;
  try {
    shown = await (await load()).show(room, context(), parameters);
  } catch (error) {
    if (mine !== turn) return;
    console.info("the view cannot be shown:", error);
    shown = noView(room, error);
  }
  if (mine !== turn) return shown.close();
  view = shown;
  document.title = `${shown.title} - yangswan`;
  if (moveFocus) focusOn(room);
}

/* What a browser failed to fetch of a module it does not fetch again for this page: only a page loaded anew helps. */
function noView(room, error) {
  const trouble = h("p", { role: "alert" }, error.message);
  const again = h("button", { type: "button", onclick: reload }, "Try again");
  replace(room, h("h1", { tabindex: "-1" }, "This cannot be shown"), trouble, again);

  async function reload() {
    try {
      // A gateway that is not there would leave nothing of the page.
      await api.whoAmI();
      location.reload();
    } catch (problem) {
      setText(trouble, `${problem.message}. Try again when it does.`);
    }
  }

  return { title: "This cannot be shown", close() {} };
}

/* Who follows a link by keyboard or hears the page is taken to where the new view begins. */
function focusOn(room) {
  const heading = room.querySelector("h1");
  heading?.setAttribute("tabindex", "-1");
  heading?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

function context() {
  const own = link;
  return {
    api,
    tunnels,
    link: own,
    user: session.user,
    by: session.by,
    say: (message, kind) => frame.say(message, kind),
    onNotification: (callback) => own.onNotification(callback),
    onLiveAgain: (callback) => own.onLiveAgain(callback),
    now: () => own.now(),
  };
}

function close() {
  view?.close();
  view = null;
}

function enter(who) {
  session = who;
  frame.quiet();
  link = new Link(tunnels, {
    user: who.user,
    allowed: async () => (await api.whoAmI()) !== null,
    onOver: (reason) => anew(OVER[reason] ?? OVER.expired),
    onOther: () => anew(OVER.expired),
  });
  frame.session(session, link);
  showView({ moveFocus: true });
}

/* Nothing of what was shown stays in the page. */
function forget() {
  turn += 1;
  close();
  link?.close();
  link = null;
  session = null;
  tunnels.clear();
  frame.session(null, null);
  frame.quiet();
}

/* Nobody is logged in any more. */
function ask(why) {
  forget();
  document.title = "Log in - yangswan";
  showLogin(main, api, why, enter);
}

/* The session of this page is over, and there may be another one: of who has logged in in another tab. */
async function anew(why) {
  const before = session;
  forget();
  replace(main, h("p", { class: "empty" }, "Asking who is logged in…"));
  const mine = turn;
  const who = await api.whoAmI().catch(() => null);
  if (mine !== turn) return;
  if (who === null) ask(why);
  else goOn(who, before);
}

function goOn(who, before) {
  forget();
  enter(who);
  if (before !== null && before.user !== who.user) {
    frame.say(`In this browser somebody else has logged in: this page was that of ${before.user}, and is that of ${who.user} now.`, "error");
  }
}

async function leave() {
  try {
    await api.logout();
  } catch (error) {
    if (error.status !== 401) return frame.say(`The session could not be ended: ${error.message}`, "error");
  }
  ask(OVER.logout);
}

async function begin() {
  window.addEventListener("hashchange", () => showView({ moveFocus: true }));
  replace(main, h("p", { class: "empty" }, "Loading…"));
  api.onUser((who) => session !== null && session.user !== who.user && goOn(who, session));
  api.onLoggedOut(() => session !== null && ask(OVER.expired));
  try {
    const who = await api.whoAmI();
    if (who === null) ask("");
    else enter(who);
  } catch (error) {
    replace(
      main,
      h("h1", {}, "The gateway cannot be asked"),
      h("p", { role: "alert" }, error.message),
      h("button", { type: "button", onclick: () => location.reload() }, "Try again"),
    );
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  // The address is the place of the view, and not to be that of an element.
  event.preventDefault();
  main.focus();
});
begin();
