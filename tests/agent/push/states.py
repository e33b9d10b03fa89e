"""What the module changing holds, made at random."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import strategies as st

CH = "urn:yangswan:test:changing"
NAMES = st.sampled_from(["a", "b", "a/b", "a,b=c", "é ü", "it's", '"', "1", "10", "9"])
TEXTS = st.sampled_from(["x", "y", "<&>", "a b", "100%"])


def _leaf(name: str, value: object) -> str:
    return f"<{name}>{escape(str(value))}</{name}>"


def _maybe(name: str, values: st.SearchStrategy[object]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), values.map(lambda value: _leaf(name, value)))


def _all(strategy: st.SearchStrategy[list[str]]) -> st.SearchStrategy[str]:
    return strategy.map("".join)


NUMBERS = st.integers(0, 3)
WAITING = st.tuples(TEXTS, NUMBERS).map(
    lambda row: f"<waiting>{_leaf('what', row[0])}{_leaf('size', row[1])}</waiting>"
)
QUEUE = st.tuples(_maybe("length", NUMBERS), _all(st.lists(WAITING, max_size=3))).map(
    lambda parts: f"<queue>{parts[0]}{parts[1]}</queue>"
)
NEIGHBOURS = st.lists(
    st.tuples(NAMES, _maybe("since", TEXTS), _maybe("cost", NUMBERS)),
    unique_by=lambda row: row[0],
    max_size=3,
).map(
    lambda rows: "".join(
        f"<neighbour>{_leaf('address', name)}{since}<metrics>{cost}</metrics></neighbour>"
        for name, since, cost in rows
    )
)
PEERS = _all(st.lists(TEXTS.map(lambda value: _leaf("peer", value)), max_size=3))
STATES = st.tuples(_maybe("status", TEXTS), _maybe("octets", NUMBERS), PEERS, QUEUE, NEIGHBOURS).map(
    lambda parts: f"<state>{''.join(parts)}</state>"
)
WAYS = _all(st.lists(TEXTS, unique=True, max_size=4).map(lambda values: [_leaf("way", v) for v in values]))
LINKS = st.lists(
    st.tuples(
        NAMES,
        _maybe("mtu", st.sampled_from([1500, 9000])),
        _maybe("note", TEXTS),
        WAYS,
        st.one_of(st.just(""), STATES),
    ),
    unique_by=lambda row: row[0],
    max_size=3,
).map(lambda rows: "".join(f"<link>{_leaf('name', name)}{''.join(rest)}</link>" for name, *rest in rows))
ENGINES = st.tuples(
    _maybe("status", TEXTS),
    _maybe("uptime", NUMBERS),
    _all(st.lists(TEXTS.map(lambda value: _leaf("feature", value)), max_size=3)),
).map(lambda parts: f'<engine xmlns="{CH}">{"".join(parts)}</engine>')
DATASTORES = st.tuples(LINKS, st.one_of(st.just(""), ENGINES)).map(
    lambda parts: f'<links xmlns="{CH}">{parts[0]}</links>{parts[1]}'
)
KEYS = {
    "link": ["name"],
    "way": ["."],
    "peer": ["."],
    "feature": ["."],
    "neighbour": ["address"],
}
"""As the module says."""
