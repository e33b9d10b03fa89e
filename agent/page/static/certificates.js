/* Certificates, CRLs and private keys of the gateway, when they end, and who uses them. */

import { h } from "./dom.js";
import { ranges } from "./bounded.js";
import { expiryOf, warningsOf } from "./expiry.js";
import { empty, facts, said, sectioned, show as draw, table, warning } from "./parts.js";
import { orNothing, standing } from "./reading.js";
import { visible } from "./visible.js";
import { grouped, stamp } from "./words.js";

const OF_CERTIFICATES = [
  "yangswan-pki:certificate-expiring",
  "yangswan-pki:crl-expiring",
  "ietf-netconf-notifications:netconf-config-change",
  "yangswan-daemon:daemon-started",
];
const LINKS_MAX = 8;

export async function show(main, context) {
  const notes = h("div", {});
  const { view, trouble, places } = sectioned(main, "Certificates", { certificates: "Certificates of this gateway", crls: "Revocation lists", keys: "Private keys" }, notes);
  const { close } = standing(context, {
    view,
    trouble,
    doing: "The certificates cannot be shown",
    names: OF_CERTIFICATES,
    read: (signal) => read(context.api, signal),
    draw(state) {
      const now = context.now();
      const found = state?.certificate ?? [];
      draw(notes, state === undefined && empty("You may not read the certificates, or there are none."), warningsOf(state ?? {}, now).map((text) => warning(h("bdi", {}, visible(text)))));
      draw(places.certificates, certificates(found, now));
      draw(places.crls, crls(state ?? {}, now));
      draw(places.keys, keys(state?.["private-key"] ?? [], found));
    },
  });
  return { title: "Certificates", close };
}

async function read(api, signal) {
  const found = await orNothing(api.get("/data/yangswan-pki:certificate-state", { signal }));
  return found?.["yangswan-pki:certificate-state"];
}

function certificates(found, now) {
  if (found.length === 0) return empty("No certificates are installed.");
  const columns = ["Name", "Subject", "Issuer", "Ends", "Use"];
  return table("Certificates", columns, found.map((one) => [said(one.name), subject(one), said(one.issuer), end(one, now), uses(one)]));
}

function subject(one) {
  const others = one["subject-alt-name"] ?? [];
  return [said(one.subject), others.length > 0 && h("div", { class: "muted" }, said(others.join(", ")))];
}

/** Return when something ends: a sign and words where that is soon, or was, and the time. */
function end(one, now) {
  const { kind, sign, words } = expiryOf(one, now);
  const time = one["not-after"] ?? one["next-update"];
  const told = words && h("span", { class: `expiry expiry-${kind}` }, sign && h("span", { class: "sign", "aria-hidden": "true" }, sign), sign && " ", words);
  return [told, time && h("div", { class: "muted" }, h("time", { datetime: time }, stamp(time)))];
}

function uses(one) {
  const tunnels = one.tunnel ?? [];
  const links = tunnels.slice(0, LINKS_MAX).map((id, at) => [at ? ", " : "", h("a", { href: `#/tunnels/${id}` }, `tunnel ${id}`)]);
  const rest = tunnels.length > LINKS_MAX ? ` and ${ranges(tunnels.slice(LINKS_MAX))}` : "";
  const found = [one.authority === true && "authority", one["private-key"] !== undefined && "own key", links.length > 0 && [links, rest]].filter(Boolean);
  return found.length ? found.map((use, at) => [at ? ", " : "", use]) : "none";
}

export const FETCHING = Object.freeze({
  enabled: "the daemon fetches what it is told to",
  disabled: "not permitted, or revocation is off",
  "no-plugin": "the daemon has no plugin that can fetch",
  "restart-needed": "changed since the daemon started",
});

function crls(state, now) {
  const found = state.crl ?? [];
  const revocation = state.revocation ?? {};
  const columns = ["Name", "Authority", "Next update", "Revoked certificates"];
  return [
    facts([
      ["Looked up", revocation.checked === undefined ? "" : revocation.checked ? "yes" : "no"],
      ["Fetched", FETCHING[revocation.fetching] ?? ""],
    ]),
    found.length
      ? table("Revocation lists", columns, found.map((one) => [said(one.name), said(one.issuer), end(one, now), one.revoked === undefined ? "" : grouped(one.revoked)]))
      : empty("No revocation lists are installed."),
  ];
}

function keys(found, all) {
  if (found.length === 0) return empty("This gateway has no private keys.");
  const named = new Map(all.filter((one) => one["private-key"] !== undefined).map((one) => [one["private-key"], one.name]));
  const columns = ["Name", "Algorithm", "Certificate", "Fingerprint of the public key"];
  return table("Private keys", columns, found.map((one) => {
    const bits = one["key-bits"] === undefined ? "" : `, ${one["key-bits"]} bits`;
    return [said(one.name), `${one.algorithm ?? ""}${bits}`, said(named.get(one.name) ?? "none"), h("code", { class: "names" }, said(one["public-key-fingerprint"]))];
  }));
}
