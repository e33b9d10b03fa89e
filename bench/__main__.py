"""Where ``python -m bench`` begins."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench import machine, options
from bench.figures import Report, write
from bench.run import Run
from bench.table import lines

INTERRUPTED = 130
LEFT_OUT_GRACE_S = 300.0
"""So long may what had begun before the time was up go on."""


class TimeUp(BaseException):
    """The time that a run may take is over."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _time_up(_number: int, _frame: FrameType | None) -> None:
    raise TimeUp


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(words: Sequence[str] | None = None) -> int:
    """Run what ``words`` ask for and print it; returns the exit status."""
    asked = options.read(sys.argv[1:] if words is None else words)
    report = Report(machine=machine.parts(), command=" ".join(sys.argv[1:]), began=_now())
    at_start = machine.load_average()
    run = Run(
        options=asked,
        report=report,
        say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        deadline=time.monotonic() + asked.limit_s,
    )
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGALRM, _time_up)
    signal.setitimer(signal.ITIMER_REAL, asked.limit_s + LEFT_OUT_GRACE_S)
    code = 0
    try:
        run.all()
    except KeyboardInterrupt:
        report.missing.append("the rest: interrupted")
        code = INTERRUPTED
    except TimeUp:
        report.missing.append("the rest: no time left")
        code = 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    report.ended = _now()
    report.load = (at_start, machine.load_average())
    if asked.json is not None:
        write(report, Path(asked.json))
    print("\n".join(lines(report)))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
