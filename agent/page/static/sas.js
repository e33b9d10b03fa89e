/* The SAs of a tunnel: each IKE SA with its CHILD_SAs; those without one come last. */

import { h, setText } from "./dom.js";
import { ago, empty, facts, said, table } from "./parts.js";
import { grouped, octets, shortDuration } from "./words.js";

/** Return what is drawn of the SAs in `state`, as JSON. */
export function sas(state) {
  const ikes = state?.["ike-sa"] ?? [];
  const children = state?.["child-sa"] ?? [];
  if (ikes.length === 0 && children.length === 0) return [empty("There is no SA.")];
  const known = new Set(ikes.map((ike) => ike["unique-id"]));
  const orphans = children.filter((child) => !known.has(child["ike-sa"]));
  return [
    ...ikes.map((ike) => ikeSa(ike, children.filter((child) => child["ike-sa"] === ike["unique-id"]))),
    ...orphans.map(childSa),
  ];
}

function ikeSa(ike, children) {
  const title = `IKE SA ${ike["unique-id"]}, ${ike.state ?? "state not known"}, IKEv${ike.version ?? 2}`;
  return h(
    "article",
    { class: "sa" },
    h("h3", {}, title),
    facts([
      ["This side", ike["local-host"] && endpoint(ike, "local")],
      ["The peer", ike["remote-host"] && endpoint(ike, "remote")],
      ["Algorithms", said(algorithmsOf(ike))],
      ["SPIs", spis(ike)],
      ["Established", ago(ike.established)],
      ["Rekeying", ike["rekey-in"] !== undefined && ago(-ike["rekey-in"])],
      ["Authentication", ike["reauth-in"] !== undefined && h("span", {}, "again ", ago(-ike["reauth-in"]))],
      ["Under way", tasks(ike)],
    ].map(([name, value]) => [name, value || ""])),
    ...children.map(childSa),
  );
}

function childSa(child) {
  const mode = `${child.mode ?? "mode not known"}${child.encap ? " in UDP" : ""}`;
  const protocol = String(child.protocol ?? "esp").toUpperCase();
  return h(
    "article",
    { class: "sa sa-child" },
    h("h4", {}, `CHILD_SA ${child["unique-id"]}, ${child.state ?? "state not known"}, ${protocol}, ${mode}`),
    facts([
      ["Algorithms", said(algorithmsOf(child))],
      ["This side", selectors(child["local-ts"])],
      ["The peer's side", selectors(child["remote-ts"])],
      ["Installed", ago(child.installed)],
      ["Rekeying", child["rekey-in"] === undefined ? "" : ago(-child["rekey-in"])],
      ["Ends", child["expires-in"] === undefined ? "" : h("span", {}, ago(-child["expires-in"]), " unless it is rekeyed")],
      ["Request id", child.reqid === undefined ? "" : String(child.reqid)],
    ]),
    table(
      `Traffic of CHILD_SA ${child["unique-id"]}`,
      ["Way", "SPI", "Octets", "Packets", "Last packet"],
      ["in", "out"].filter((way) => child[`spi-${way}`]).map((way) => traffic(child, way)),
    ),
  );
}

function traffic(child, way) {
  const used = child[`last-use-${way}`];
  return [
    way === "in" ? "received" : "sent",
    h("code", {}, child[`spi-${way}`]),
    h("span", { "data-sa": child["unique-id"], "data-way": way }, octets(child[`bytes-${way}`] ?? 0)),
    grouped(child[`packets-${way}`] ?? 0),
    used === undefined ? "none" : `${shortDuration(used)} ago`,
  ];
}

/** Write the octets of a later sample below `root`; `counters`: `[in, out]` by the number of the CHILD_SA. */
export function recount(root, counters) {
  for (const span of root.querySelectorAll("[data-sa]")) {
    const found = counters.get(Number(span.dataset.sa));
    if (found !== undefined) setText(span, octets(found[span.dataset.way === "in" ? 0 : 1]));
  }
}

function endpoint(ike, side) {
  const port = ike[`${side}-port`];
  const where = `${ike[`${side}-host`]}${port === undefined ? "" : `, port ${port}`}`;
  const who = ike[`${side}-id`];
  return h("span", {}, where, who && " as ", who && said(who));
}

function spis(ike) {
  const own = ike.initiator === true;
  const mine = h("span", { class: "muted" }, " (this side)");
  const initiator = h("span", {}, h("code", {}, ike["initiator-spi"] ?? ""), " of the initiator", own && mine);
  const responder = h("span", {}, h("code", {}, ike["responder-spi"] ?? ""), " of the responder", !own && mine);
  return h("span", {}, initiator, ", ", responder);
}

function tasks(ike) {
  const kinds = [["task-active", "begun here"], ["task-passive", "begun by the peer"], ["task-queued", "to come"]];
  const found = kinds.filter(([leaf]) => ike[leaf]?.length).map(([leaf, words]) => `${ike[leaf].join(" ")} (${words})`);
  return found.length ? said(found.join("; ")) : "";
}

function selectors(found) {
  return found?.length ? said(found.join(", ")) : "";
}

/** Return the algorithms by the names of the daemon: AES_CBC-128/HMAC_SHA2_256_128/MODP_3072. */
export function algorithmsOf(sa) {
  const bits = sa["key-bits"] === undefined ? "" : `-${sa["key-bits"]}`;
  const cipher = sa["cipher-name"] ? `${sa["cipher-name"]}${bits}` : "";
  const names = [cipher, sa["auth-name"], sa["prf-name"], sa["dh-name"], ...(sa["ke-name"] ?? [])];
  if (sa.esn === true) names.push("ESN");
  return names.filter(Boolean).join("/") || "not known";
}
