"""Prints the data folder of an agent with these options, if it would run a charon of its own in it.

What is wrong with the options, and their help, is the agent's to say.
"""

from __future__ import annotations

import contextlib
import io
import sys

from agent.command_line import read_settings
from agent.settings import SettingsError


def main() -> None:
    with contextlib.suppress(SettingsError, SystemExit):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            settings = read_settings(sys.argv[1:])
        if settings.charon == "managed":
            print(settings.data_dir.absolute())


if __name__ == "__main__":
    main()
