"""The first steps of ``yangswan``: Ctrl-C is taken before anything is imported that takes a while."""

from __future__ import annotations

from console import interrupts


def main() -> int:
    """Run the command of this process; returns its exit status.

    Raises:
        SystemExit: argparse has said everything.
    """
    interrupts.end_at_once()
    from console.command_line import main as run

    try:
        return run()
    except KeyboardInterrupt:
        return interrupts.INTERRUPTED
    finally:
        interrupts.ignore()
