"""Times in words: how long, how long ago, when. Pure: the clock and the time zone come in."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from console.show.layout import counted

_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def since_rekey(seconds: int) -> str:
    """Return a duration as the router's manual writes it: 0 Days 2 Hours 11 Mins 28 Secs."""
    minutes, secs = divmod(seconds, 60)
    hours, mins = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} Days {hours} Hours {mins} Mins {secs} Secs"


def long(seconds: int) -> str:
    """Return a duration in its largest unit: "29 days"; below two of that, in the next one: "28 hours"."""
    for size, name in _UNITS:
        if seconds >= 2 * size or (name == "second"):
            return counted(seconds // size, name)
    return ""


def instant(text: str) -> datetime | None:
    """Return a date-and-time (RFC 6991), None for what is none."""
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def clock(text: str, zone: tzinfo | None = None) -> str:
    """Return a date-and-time as people of this place write it; ``zone``: None is that of the system."""
    found = instant(text)
    try:
        return text if found is None else found.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError):  # the years 1 and 9999
        return text


def distance(text: str, now: datetime) -> str:
    """Return "in 12 minutes" or "3 hours ago", "" for what is no date-and-time."""
    found = instant(text)
    if found is None:
        return ""
    seconds = round((found - now).total_seconds())
    if seconds > 0:
        return f"in {long(seconds)}"
    return f"{long(-seconds)} ago" if seconds < 0 else "now"


def when(text: str, now: datetime, zone: tzinfo | None = None) -> str:
    """Return a date-and-time with its distance: 2026-11-27 12:03:11 (2 hours ago)."""
    if not text:
        return ""
    away = distance(text, now)
    return f"{clock(text, zone)} ({away})" if away else clock(text, zone)
