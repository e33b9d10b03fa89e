/* The form for who is not logged in. */

import { h, replace } from "./dom.js";
import { roughly } from "./words.js";

/**
 * Show the form in `main`; `why`: what is said above it, "" for nothing. `onUser(session)`: somebody has logged in.
 * The password is in its field and in the request, and nowhere else.
 */
export function showLogin(main, api, why, onUser) {
  const user = h("input", { id: "user", name: "user", autocomplete: "username", autocapitalize: "none", spellcheck: "false", required: true });
  const password = h("input", { id: "password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const button = h("button", { type: "submit", class: "primary" }, "Log in");
  const refusal = h("div", { role: "alert", class: "refusal" });
  const form = h(
    "form",
    { class: "login", onsubmit: send },
    h("h1", { tabindex: "-1" }, "Log in"),
    why && h("p", { class: "why-login", role: "status" }, why),
    refusal,
    h("div", { class: "field" }, h("label", { for: "user" }, "User"), user),
    h("div", { class: "field" }, h("label", { for: "password" }, "Password"), password),
    button,
    h("p", { class: "muted" }, "The users are those of the agent; yangswan passwd gives one a password."),
  );
  replace(main, form);
  user.focus();

  let isBusy = false;

  async function send(event) {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    button.setAttribute("aria-disabled", "true");
    replace(refusal);
    try {
      const session = await api.login(user.value, password.value);
      password.value = "";
      onUser(session);
    } catch (error) {
      password.value = "";
      refusal.textContent = sentenceOf(error);
      password.focus();
    } finally {
      isBusy = false;
      button.removeAttribute("aria-disabled");
    }
  }
}

function sentenceOf(error) {
  if (error.status === 401) return "The user or the password is wrong.";
  if (error.status === 429) {
    const wait = error.waitS === null ? "in a while" : `in ${roughly(error.waitS)}`;
    return `${error.message.replace(/\.$/, "")}. Try again ${wait}.`;
  }
  if (error.status === 503) {
    const wait = error.waitS === null ? "" : ` in ${roughly(error.waitS)}`;
    return `The gateway takes no logins now: ${error.message}. Try again${wait}.`;
  }
  return `${error.message.replace(/\.$/, "")}.`;
}
