"""Which translator an rpc comes to."""

from __future__ import annotations

from tests.agent.handlers import Lab
from tests.agent.lab import MODULES
from tests.agent.recording_translator import RecordingTranslator

ACME, HOSTILE = MODULES / "acme.yang", MODULES / "hostile.yang"
PING = '<ping xmlns="http://example.com/ns/acme"/>'


async def test_an_rpc_comes_to_the_translator_one_of_whose_modules_defines_it(lab: Lab) -> None:
    """The list that the translator owns may be in another of its modules."""
    first, second = lab.translator, RecordingTranslator(yang_files=[HOSTILE, ACME])
    lab.context.operational.translators = [first, second]
    assert await lab.do(PING) == ""
    assert ("rpc ping" in first.log, "rpc ping" in second.log) == (False, True)
    first.yang_files, second.yang_files = [*first.yang_files, ACME], [HOSTILE]
    assert await lab.do(PING) == ""
    assert (first.log.count("rpc ping"), second.log.count("rpc ping")) == (1, 1)


async def test_an_rpc_of_a_module_of_no_translator_is_carried_out_by_none(lab: Lab) -> None:
    (error,) = await lab.refused(PING)
    assert (error.tag, error.message) == (
        "operation-not-supported",
        "nothing on this server carries out <ping>",
    )
    assert "rpc ping" not in lab.translator.log
