/* When certificates and CRLs end, in words. Pure: the clock comes in. */

import { ranges } from "./bounded.js";
import { distance, instant } from "./words.js";

const DAY_MS = 86_400_000;
/** The gateway tells of a certificate from then on. */
export const SOON_DAYS = 30;
export const SOON_CRL_DAYS = 1;

/**
 * Return `{kind, sign, words}` of a certificate or a CRL: `kind` is "over", "soon", "early" (it is not valid yet)
 * or "far", and each but the last has a sign of its own.
 */
export function expiryOf(one, now) {
  const ends = one["not-after"] ?? one["next-update"];
  const days = "not-after" in one ? SOON_DAYS : SOON_CRL_DAYS;
  if (one.expired === true) return { kind: "over", sign: "✕", words: "not-after" in one ? `expired ${distance(ends, now)}` : `out of force, ${distance(ends, now)}` };
  if (instant(one["not-before"]) > now) return { kind: "early", sign: "⚠", words: `valid ${distance(one["not-before"], now)}` };
  if (ends === undefined) return { kind: "far", sign: "", words: "not said" };
  if (instant(ends) - now < days * DAY_MS) return { kind: "soon", sign: "⚠", words: `soon: ${distance(ends, now)}` };
  return { kind: "far", sign: "", words: distance(ends, now) };
}

/** Return what is wrong in a certificate-state, or soon will be, in sentences. */
export function warningsOf(state, now) {
  return [
    ...(state.certificate ?? []).map((one) => ofCertificate(one, now)),
    ...(state.crl ?? []).map((one) => ofCrl(one, now)),
    state.revocation?.fetching === "no-plugin" && "The daemon has no plugin that can fetch revocation lists: install strongSwan's plugin curl, and restart the daemon.",
    state.revocation?.fetching === "restart-needed" && "Whether the daemon fetches revocation lists was changed since it started: restart it.",
    ...(state.revocation?.kept ?? []).map((kept) => `Kept by the daemon until it starts again: ${kept}`),
  ].filter(Boolean);
}

function ofCertificate(one, now) {
  const { kind } = expiryOf(one, now);
  const used = one.tunnel?.length ? `; used by tunnel ${ranges(one.tunnel)}` : "";
  const said = {
    over: "has expired",
    early: "is not valid yet",
    soon: `expires ${distance(one["not-after"], now)}`,
  }[kind];
  return said && `Certificate ${one.name} ${said}${used}`;
}

function ofCrl(one, now) {
  const { kind } = expiryOf(one, now);
  if (kind === "over") return `CRL ${one.name} is out of force: nothing but what it revokes is known by it`;
  return kind === "soon" && `CRL ${one.name} is out of force ${distance(one["next-update"], now)}`;
}
