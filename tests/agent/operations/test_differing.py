"""Which units of the candidate differ: after whatever happened, and at the cost of what that touched."""

from __future__ import annotations

from random import Random

import pytest

from agent.datastore.candidate import Candidate
from agent.datastore.txids import shells_of
from agent.errors import RpcErrors
from agent.yang.tree import Tree
from agent.yang.units import Unit
from tests.agent.handlers import Lab
from tests.agent.lab import EC
from tests.requests import edit_candidate

MODULE = "urn:ietf:params:xml:ns:yang:ietf-netconf-txid"
SIZES = (50, 400)
BATCH = 10
ENTRIES = 6


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Paths of the units that were compared with running."""
    paths: list[str] = []
    differs = Candidate.differs

    def counted(self: Candidate, unit: Unit, running: Tree) -> bool:
        paths.append(unit.path)
        return differs(self, unit, running)

    monkeypatch.setattr(Candidate, "differs", counted)
    return paths


def entries(first: int, count: int, attributes: str = "") -> str:
    body = "".join(f"<entry {attributes}><id>{number}</id></entry>" for number in range(first, first + count))
    return f'<top xmlns="{EC}" xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0">{body}</top>'


def with_etag(body: str) -> str:
    return edit_candidate(body).replace("<config", f'<with-etag xmlns="{MODULE}">true</with-etag><config', 1)


@pytest.mark.parametrize("size", SIZES)
async def test_an_edit_compares_what_it_touches_however_much_is_edited(
    lab: Lab, compared: list[str], size: int
) -> None:
    assert 'etag="!"' in await lab.do(with_etag(entries(0, size)))
    compared.clear()
    assert 'etag="!"' in await lab.do(with_etag(entries(size, BATCH)))
    assert len(compared) == BATCH
    compared.clear()
    await lab.do(with_etag(entries(0, BATCH, 'nc:operation="remove"')))
    assert len(compared) == BATCH
    compared.clear()
    query = 'xmlns:t="urn:ietf:params:xml:ns:netconf:txid:1.0" t:etag="?"'
    await lab.do(f'<get-config {query}><source><candidate/></source><filter type="subtree"/></get-config>')
    assert compared == []


def exact(lab: Lab) -> tuple[set[str], set[str]]:
    """Return units and shells that differ, found by a comparison of all that was ever touched."""
    configuration = lab.context.configuration
    units = {unit.path for unit in configuration.candidate.differing(configuration.running)}
    return units, {shell for path in units for shell in shells_of(path)}


def step(random: Random) -> str:
    """Return a random request that changes the candidate, or running, or fails."""
    number, value = random.randrange(ENTRIES), random.randrange(2)
    attribute = random.choice(("", "", 'nc:operation="remove"', 'nc:operation="replace"'))
    leaf = "" if "remove" in attribute else f"<number>{value}</number>"
    entry = f"<entry {attribute}><id>{number}</id>{leaf}</entry>"
    twice = f'<entry><id>{number}</id></entry><entry nc:operation="delete"><id>missing</id></entry>'
    namespace = 'xmlns:nc="urn:ietf:params:xml:ns:netconf:base:1.0"'
    edits = [edit_candidate(f'<top xmlns="{EC}" {namespace}>{body}</top>') for body in (entry, twice)]
    tested = edits[0].replace("<config", "<test-option>test-then-set</test-option><config", 1)
    copied = "<copy-config><target><candidate/></target><source>{}</source></copy-config>"
    whole = copied.format(f"<config>{entries(0, number)}</config>")
    rare = ["<commit/>", "<discard-changes/>", copied.format("<running/>"), whole]
    return random.choice([*[edits[0]] * 8, edits[1], tested, random.choice(rare)])


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_happens_what_is_remembered_is_what_differs(lab: Lab, seed: int) -> None:
    random = Random(seed)
    done = 0
    for _ in range(80):
        request = step(random)
        try:
            await lab.do(request)
            done += 1
        except RpcErrors:
            pass
        view = lab.context.configuration.txids("candidate")
        assert (set(view.units), set(view.shells)) == exact(lab), request
        assert (view.root is None) == bool(view.units)
    assert done > 40


async def test_ids_that_are_kept_are_those_of_the_moment(lab: Lab) -> None:
    configuration = lab.context.configuration
    await lab.do(edit_candidate(entries(0, 1)))
    kept = configuration.txids("candidate").kept()
    await lab.do("<discard-changes/>")
    assert (len(kept.units), kept.root) == (1, None)
    assert configuration.txids("candidate").root is not None
