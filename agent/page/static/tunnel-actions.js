/* What may be done with a tunnel: restart, initiate, terminate. */

import { h, replace, setAttribute, setText } from "./dom.js";
import { confirmed, problem } from "./parts.js";

const ACTIONS = Object.freeze([
  {
    name: "restart",
    label: "Restart",
    doing: "being restarted",
    asked: "Its SAs end, and its traffic is interrupted. An initiator then negotiates it anew; a responder waits for its peer.",
    done: (id) => `Tunnel ${id}: its SAs were ended, and an initiator negotiates it anew.`,
  },
  {
    name: "initiate",
    label: "Initiate",
    doing: "being initiated",
    done: (id) => `Tunnel ${id}: negotiation was begun.`,
  },
  {
    name: "terminate",
    label: "Terminate",
    doing: "being terminated",
    asked: "Its SAs end, and its traffic is interrupted. It stays configured and enabled: an initiator or traffic may bring it up again.",
    done: (id) => `Tunnel ${id}: its SAs were ended.`,
  },
]);

/** Return the buttons of tunnel `id`, and what comes of them; `afterwards()` is called when one was carried out. */
export function actions(context, id, afterwards) {
  const status = h("p", { class: "muted", role: "status" });
  const trouble = h("div", {});
  const buttons = ACTIONS.map((action) => h("button", { type: "button", onclick: () => act(action) }, action.label));

  let busy = false;

  async function act(action) {
    if (busy) return;
    replace(trouble);
    const title = `${action.label} tunnel ${id}?`;
    if (action.asked && !(await confirmed({ title, text: action.asked, action: action.label }))) return;
    working(true);
    setText(status, `The tunnel is ${action.doing}…`);
    try {
      await context.api.invoke(`/data/yangswan-ipsec:tunnels/ipsec=${id}/${action.name}`);
      setText(status, "");
      context.say(action.done(id), "done");
      afterwards();
    } catch (error) {
      setText(status, "");
      replace(trouble, problem(`${action.label} was refused`, error));
    } finally {
      working(false);
    }
  }

  /* A button that is disabled loses the focus of who has just pressed it. */
  function working(now) {
    busy = now;
    for (const button of buttons) setAttribute(button, "aria-disabled", now && "true");
  }

  return h("div", { class: "actions" }, h("div", { class: "buttons", role: "group", "aria-label": "Actions" }, buttons), status, trouble);
}
