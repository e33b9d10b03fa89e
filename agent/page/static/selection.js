/* Which tunnels are shown, and in which order. Pure. */

import { STATUSES, statusOf } from "./words.js";

/** What the choice "Status" offers, in this order; each takes the statuses named. */
export const CHOICES = Object.freeze([
  { value: "all", words: "All", takes: null },
  { value: "up", words: "Up", takes: ["installed"] },
  { value: "down", words: "Down", takes: ["down", "connecting", "ike-established", "retransmission"] },
  { value: "disabled", words: "Disabled", takes: ["disabled"] },
  { value: "unknown", words: "Not known", takes: ["unknown"] },
  { value: "connecting", words: STATUSES.connecting.words, takes: ["connecting"] },
  { value: "ike-established", words: STATUSES["ike-established"].words, takes: ["ike-established"] },
  { value: "retransmission", words: STATUSES.retransmission.words, takes: ["retransmission"] },
]);

/** Return how many of `rows` are "up", "down", "disabled", "unknown". */
export function counts(rows) {
  const found = { up: 0, down: 0, disabled: 0, unknown: 0 };
  for (const row of rows) {
    const status = statusOf(row);
    found[status === "installed" ? "up" : status in found ? status : "down"] += 1;
  }
  return found;
}

/** Return the tunnels of `rows` whose status is chosen and that have each word that is typed in a column. */
export function selected(rows, { typed, choice }) {
  const takes = CHOICES.find(({ value }) => value === choice)?.takes ?? null;
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  if (takes === null && words.length === 0) return rows.slice();
  return rows.filter((row) => {
    const status = statusOf(row);
    if (takes !== null && !takes.includes(status)) return false;
    if (words.length === 0) return true;
    const shown = `${row.id}\n${row.description ?? ""}\n${peerOf(row)}\n${STATUSES[status].words}`.toLowerCase();
    return words.every((word) => shown.includes(word));
  });
}

/** Return the peer's address as it is configured, or the one that it comes from, "" where there is none. */
export function peerOf(row) {
  return row.peer ?? row.state?.["remote-address-in-use"] ?? "";
}

const ORDER = Object.keys(STATUSES);

/**
 * Columns by which rows are sorted. `value(row, tunnels)`: a number, a text, or null, which comes last either way;
 * `first`: the direction of the first click; `moves`: it changes though no tunnel does.
 */
export const COLUMNS = Object.freeze({
  id: { first: 1, value: (row) => row.id },
  description: { first: 1, value: (row) => row.description ?? null },
  peer: { first: 1, value: (row) => addressKey(peerOf(row)) },
  status: { first: 1, moves: true, value: (row) => ORDER.indexOf(statusOf(row)) },
  rekey: { first: 1, moves: true, value: (row, tunnels) => later(tunnels.rekeyedAt(row.id)) },
  traffic: { first: -1, moves: true, value: (row, tunnels) => total(tunnels.rate(row.id)) },
});

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

/** Sort `rows` in place by a column of COLUMNS; `direction`: 1 or -1. What is alike stays in the order of ids. */
export function sort(rows, { column, direction }, tunnels) {
  if (column === "id" && direction === 1) return rows.sort((one, other) => one.id - other.id);
  const { value } = COLUMNS[column];
  const valued = rows.map((row) => ({ row, value: value(row, tunnels) }));
  valued.sort((one, other) => compared(one.value, other.value, direction) || one.row.id - other.row.id);
  valued.forEach(({ row }, place) => (rows[place] = row));
  return rows;
}

function compared(one, other, direction) {
  if (one === null || other === null) return (one === null) - (other === null);
  const found = typeof one === "number" ? one - other : collator.compare(one, other);
  return direction * found;
}

/* The shortest time since the rekeying is the latest moment. */
function later(at) {
  return at === null ? null : -at;
}

function total(rate) {
  return rate === null ? null : rate.in + rate.out;
}

/* Addresses of IPv4 come in the order of their numbers, then those of IPv6. */
function addressKey(address) {
  return address === "" ? null : `${address.includes(":") ? 6 : 4} ${address}`;
}
