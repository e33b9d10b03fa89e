"""Write the manual pages and the files of completion into a folder."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from console.shell.table import COMMANDS
from script.manual import bash, pages, programs, typed, zsh

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    parser = argparse.ArgumentParser(prog="build-man", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="where to write; made if it is not there")
    write(parser.parse_args().folder)


def write(folder: Path) -> None:
    """Write all files into ``folder``.

    Raises:
        pages.Misplaced, markdown.Unknown: something that is written would be in no page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files().items():
        (folder / name).write_text(text, encoding="utf-8")


def files() -> dict[str, str]:
    """Return each file by its name."""
    agent, operator = programs.yangswand(), programs.yangswan()
    written = pages.Written(_read("packaging/man/pages.md"))
    tables = [*typed.blocks(COMMANDS), *typed.of_a_tunnel(programs.schema(ROOT / "yang"))]
    edition = pages.Edition(source=f"yangswan {version('yangswan')}", date=_date())
    return {
        "yangswand.8": pages.program(agent, 8, written=written, edition=edition, in_full=False),
        "yangswan.1": pages.program(operator, 1, written=written, edition=edition, typed=tables),
        "yangswan-settings.5": pages.settings(_read("docs/settings.md"), written=written, edition=edition),
        "yangswan.bash": bash.completion(_read("packaging/completion/yangswan.bash"), operator, agent),
        "_yangswan": zsh.completion(operator, agent),
    }


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _date() -> str:
    """Return the day that pages are of; who wants the same bytes again sets SOURCE_DATE_EPOCH."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return moment.date().isoformat()


if __name__ == "__main__":
    main()
