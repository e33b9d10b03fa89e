"""Configurations of the module every-construct, made at random."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import strategies as st

from tests.agent.lab import EA, EC

KEYS = st.sampled_from(
    ["1", "2", "10", "a/b", "a,b", "a=b", "%2F", "it's", '"', "'\"", "é ü", "a[1]", ":", "-", "a&b", " "]
)
TEXTS = st.sampled_from(["", "x", "a b", "<&>", "'\"", "line\nline", " edge ", "ünï", "/", "="])


def leaf(name: str, value: str) -> str:
    return f"<{name}>{escape(value)}</{name}>"


def maybe(strategy: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(st.just(""), strategy)


def leafs(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, unique=True, max_size=4).map(lambda all_: "".join(leaf(name, v) for v in all_))


def values(name: str, *choices: str) -> st.SearchStrategy[str]:
    return maybe(st.sampled_from(choices).map(lambda value: leaf(name, value)))


SHAPES = st.one_of(
    st.builds(str.__add__, values("radius", "1.5", "2.25"), values("colour", "red", "blue")),
    values("side", "-1", "7"),
)
STAGES = st.lists(
    st.tuples(KEYS, values("effort", "1", "2")), unique_by=lambda pair: pair[0], max_size=4
).map(lambda rows: "".join(f"<stage>{leaf('name', key)}{more}</stage>" for key, more in rows))
ADDRESSES = st.lists(
    st.tuples(KEYS, st.sampled_from(["1", "2"]), values("alias", "a", "b")),
    unique_by=lambda row: row[:2],
    max_size=3,
).map(
    lambda rows: "".join(
        f"<address>{leaf('ip', ip)}{leaf('port', port)}{more}</address>" for ip, port, more in rows
    )
)
PLAIN = st.builds("<plain>{}{}</plain>".format, values("speed", "100", "9"), values("note", "x", ""))
ANYTHING = st.sampled_from(
    ["<anything/>", '<anything><a xmlns="urn:a">1</a></anything>', f'<anything><b xmlns="{EC}"/></anything>']
)
PIECES = (
    values("number", "1", "2"),
    values("word", "abc", "x"),
    maybe(SHAPES),
    values("pet", "ec:cat").map(lambda text: text.replace("<pet>", f'<pet xmlns:ec="{EC}">')),
    values("either", "7", "none"),
    maybe(st.just("<marker/>")),
    values("blob", "AAAA", ""),
    values("switches", "a", "a b", ""),
    leafs("tag", TEXTS),
    leafs("step", TEXTS),
    STAGES,
    ADDRESSES,
    maybe(st.just("<present><needed>x</needed></present>")),
    maybe(PLAIN),
    maybe(ANYTHING),
    maybe(TEXTS.map(lambda value: leaf("hidden", value))),
)
ENTRIES = st.lists(
    st.tuples(KEYS, st.tuples(*PIECES).map("".join)), unique_by=lambda pair: pair[0], max_size=3
).map(lambda rows: "".join(f"<entry>{leaf('id', key)}{body}</entry>" for key, body in rows))
CONFIGURATIONS = st.builds(
    lambda flag, entries, order, outer: (
        f'<top xmlns="{EC}">{flag}{entries}</top>' + order.replace("<order>", f'<order xmlns="{EC}">') + outer
    ),
    values("flag", "true", "false"),
    ENTRIES,
    leafs("order", TEXTS),
    values("from-here", "x", "y").map(
        lambda text: f'<outer xmlns="{EA}">{text.replace("<from-here>", f"<from-here xmlns={EC!r}>")}</outer>'
    ),
)
