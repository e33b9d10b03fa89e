"""Where ``python -m bench`` begins."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from bench import compare, machine, options
from bench.figures import Damaged, Report, read, write
from bench.run import Run
from bench.table import lines

USAGE = 2
FAILED = 1
INTERRUPTED = 130
GRACE = 0.1
GRACE_S = 5.0
"""What had begun before the time was up may go on for so many seconds, and for this part of the time."""


class TimeUp(BaseException):
    """The time that a run may take is over."""


def main(words: Sequence[str] | None = None) -> int:
    """Do what ``words`` ask for and print it; returns the exit status."""
    given = sys.argv[1:] if words is None else words
    asked = options.read(given)
    try:
        if asked.compare:
            print("\n".join(compare.lines([read(file) for file in asked.compare], asked.compared)))
        elif asked.plot:
            _plot(asked.plot, asked.into)
        else:
            return _run(asked, " ".join(given))
    except (Damaged, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return USAGE
    return 0


def _plot(files: Sequence[Path], folder: Path) -> None:
    reports = dict(zip(("before", "after"), map(read, files), strict=False))
    try:
        from bench.curves import draw
    except ImportError as error:
        raise Damaged(f"the picture needs the extra 'bench': {error}") from error
    for file in draw(reports, folder):
        print(file)


def _run(asked: options.Options, words: str) -> int:
    """Measure; on Ctrl-C, and when the time is up, what was measured by then is told all the same."""
    report = Report(machine=machine.parts(), command=f"python -m bench {words}".strip(), began=_now())
    at_start = machine.load_average()
    run = Run(
        options=asked,
        report=report,
        say=lambda sentence: print(sentence, file=sys.stderr, flush=True),
        deadline=time.monotonic() + asked.limit_s,
    )
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell starts in the background with SIGINT ignored
        signal.signal(number, _terminated)
    signal.signal(signal.SIGALRM, _time_up)
    signal.setitimer(signal.ITIMER_REAL, asked.limit_s * (1 + GRACE) + GRACE_S)
    code = 0
    try:
        run.all()
    except KeyboardInterrupt:
        report.missing.append("the rest: interrupted")
        code = INTERRUPTED
    except TimeUp:
        report.missing.append("the rest: no time left")
        code = FAILED
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        report.ended = _now()
        report.load = (at_start, machine.load_average())
        if asked.json is not None:
            write(report, asked.json)
    print("\n".join(lines(report)))
    return code


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _time_up(_number: int, _frame: FrameType | None) -> None:
    raise TimeUp


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    raise SystemExit(main())
