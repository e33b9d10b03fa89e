/* One tunnel: what is read of it, and when. */

import { replace } from "./dom.js";
import { endDialogs } from "./parts.js";
import { hearing, numberOf, standing } from "./reading.js";
import { TunnelPage } from "./tunnel-page.js";

const OF_THE_TUNNEL = [
  "yangswan-ipsec:tunnel-state-changed",
  "yangswan-ipsec:negotiation-failed",
  "yangswan-ipsec:rekeyed",
  "yangswan-ipsec:drift-repaired",
];
const OF_ALL = ["ietf-netconf-notifications:netconf-config-change", "yangswan-daemon:daemon-started", "yangswan-daemon:daemon-stopped"];

const ID_MAX = 65535;

export async function show(main, context, parameters) {
  const id = numberOf(parameters.id);
  const page = new TunnelPage(context, id, () => reader.now());
  replace(main, page.element);
  const reader = standing(context, {
    view: page.element,
    trouble: page.trouble,
    doing: `Tunnel ${id} cannot be shown`,
    names: OF_ALL,
    read: (signal) => read(context.api, id, signal),
    draw: (tunnel) => page.draw(tunnel),
  });
  function changed() {
    page.told(context.tunnels.one(id));
    reader.again();
  }
  const ends = [
    hearing(context, OF_THE_TUNNEL, ({ content }) => content.id === id && reader.again()),
    watching(context.tunnels, id, { changed, sampled: () => page.traffic() }),
    reader.close,
    () => page.close(),
    endDialogs,
  ];
  return { title: page.title, close: () => ends.forEach((end) => end()) };
}

/** Return the tunnel as JSON; null where there is none, or none that may be read. */
async function read(api, id, signal) {
  if (id === null || id > ID_MAX) return null;
  try {
    const found = await api.get(`/data/yangswan-ipsec:tunnels/ipsec=${id}`, { signal });
    return found?.["yangswan-ipsec:ipsec"]?.[0] ?? null;
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** Tell apart what is said of the state of a tunnel from samples of its traffic; returns what ends that. */
function watching(tunnels, id, { changed, sampled }) {
  const written = () => JSON.stringify(tunnels.one(id) ?? null);
  let before = written();
  return tunnels.listen(({ ids, whole }) => {
    if (!whole && !ids.has(id)) return;
    const now = written();
    if (now !== before) changed();
    before = now;
    sampled();
  });
}
