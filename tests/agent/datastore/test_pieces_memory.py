"""What was parsed in pieces goes when it is freed: libyang's dictionary keeps next to nothing of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

IN_PIECES = """\
import ctypes, resource, sys

from agent.datastore.edit_pieces import PIECE, _parsed
from agent.memory import give_back, join_what_is_free
from agent.yang.tree import Tree
from tests.agent.lab import make_schema, top

class Info(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]

info = ctypes.CDLL(None).mallinfo2
info.restype = Info

def used_mib():
    return info().uordblks / 2**20

def resident_mib():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20

join_what_is_free()
schema = make_schema()
list_node = schema.find("/every-construct:top/entry")

def piece(first):
    numbers = range(first, first + PIECE)
    more = "<number>1</number><side>7</side><plain><speed>8</speed></plain><stage><name>q</name></stage>"
    rows = (f"<entry><id>{n}</id>{more}<tag>the tag of {n}</tag></entry>" for n in numbers)
    document = top("".join(rows)).encode()
    if sys.argv[1] == "copied":
        return _parsed(schema, document, list_node).tree
    return Tree.parse(schema, document, state=False)

give_back()
resident, used = resident_mib(), used_mib()
read = [piece(first) for first in range(0, 500 * PIECE, PIECE)]
kept = [tree.duplicate() for tree in read]
for tree in read:
    tree.drop()
give_back()
print(resident_mib() - resident, used_mib() - used)
"""


@pytest.mark.parametrize(("how", "gives_back"), [("copied", True), ("as it was parsed", False)])
def test_the_pages_of_a_large_edit_go_when_its_tree_does(how: str, gives_back: bool) -> None:
    command = [sys.executable, "-c", IN_PIECES, how]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    resident, used = map(float, run.stdout.split())
    assert used > 10, "it is to be seen among what else the program does"
    assert (resident < 1.4 * used) is gives_back
