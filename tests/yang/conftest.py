"""libyang's verdict on a document, with what the binding's exceptions leave out: app-tag and path."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import libyang
import pytest
from _libyang import ffi, lib

YANG_DIR = Path(__file__).parents[2] / "yang"
TYPES = "yangswan-types"
TUNNELS = "yangswan-ipsec"
WITH_DATA = (TUNNELS, "yangswan-pki", "yangswan-daemon")
"""The modules that a server implements; types is imported by them."""
TUNNELS_FILE = YANG_DIR / f"{TUNNELS}.yang"
IETF_DIR = Path(sys.prefix, "share/yang/modules/ietf")
INSTANCES = Path(__file__).with_name("instances")

LIBYANG_3 = not hasattr(ffi.new("struct ly_err_item *"), "path")
_LOCATION = re.compile(r'location "(?P<path>[^"]*)"')


@dataclass(frozen=True, slots=True)
class Refusal:
    """The first rule that a document breaks. ``path``: an instance path; for something that is missing
    libyang 2 has the schema path of what is, in which choices and cases are named too, libyang 3 the
    instance path of its parent."""

    app_tag: str | None
    path: str
    message: str


Validate = Callable[..., Refusal | None]


@pytest.fixture(scope="session")
def context() -> Iterator[libyang.Context]:
    libyang.configure_logging(True, logging.CRITICAL + 1)
    # Only kept in the context's list: the binding would log, and the list is all that is looked at.
    lib.ly_log_options(lib.LY_LOSTORE)
    with libyang.Context(f"{YANG_DIR}:{IETF_DIR}") as ctx:
        for name in WITH_DATA:
            ctx.load_module(name).feature_enable_all()
        yield ctx


@pytest.fixture(scope="session")
def validate(context: libyang.Context) -> Validate:
    def check(document: str, *, config: bool = True) -> Refusal | None:
        flags = lib.LYD_PARSE_STRICT | (lib.LYD_PARSE_NO_STATE if config else 0)
        tree = ffi.new("struct lyd_node **")
        rc = lib.lyd_parse_data_mem(
            context.cdata, document.encode(), lib.LYD_XML, flags, lib.LYD_VALIDATE_PRESENT, tree
        )
        try:
            return None if rc == lib.LY_SUCCESS else _first_refusal(context)
        finally:
            lib.lyd_free_all(tree[0])
            lib.ly_err_clean(context.cdata, ffi.NULL)

    return check


def _first_refusal(context: libyang.Context) -> Refusal:
    item = lib.ly_err_first(context.cdata)
    while item.level != lib.LY_LLERR:  # a warning
        item = item.next
    if LIBYANG_3:
        where = _text(item.data_path) or _text(item.schema_path)
        return Refusal(_text(item.apptag) or None, where, _text(item.msg))
    where = _text(item.path)
    match = _LOCATION.search(where)
    return Refusal(_text(item.apptag) or None, match["path"] if match else where, _text(item.msg))


def _text(pointer: object) -> str:
    return "" if pointer == ffi.NULL else ffi.string(pointer).decode()
