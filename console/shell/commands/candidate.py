"""What is in the candidate, back to an earlier commit, and its lock."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

from console.client.documents import NETCONF
from console.client.session import Element, ServerError
from console.grammar.command import Argument, Command
from console.shell import saying
from console.shell.commands.requests import empty
from console.shell.editing import is_missing, who
from console.shell.shell import Shell, Status
from console.show.configuration import PART
from console.show.data import AGENT, tree
from console.show.history import show_differences
from console.show.layout import counted

_MOST_MESSAGES = 40
_COMMIT = Argument("the number of a commit ('show history')", source="commit", number=(1, 2**32 - 1))


def diff(shell: Shell, given: Mapping[str, str]) -> None:
    """Show how the candidate, or running, differs from an earlier commit, or the candidate from running."""
    part = {"PART": given["PART"]} if "PART" in given else {}
    show_differences(shell, {"FROM": given.get("COMMIT", "running"), "TO": "candidate", **part})


def dry_run(shell: Shell, given: Mapping[str, str]) -> int:
    """Tell what a commit would do."""
    with shell.out.progress("the server foresees what a commit would do"):
        reply = shell.client.rpc(tree(AGENT, "dry-run"))
    refused = [_refusal(shell, one) for one in reply.iterchildren(f"{{{AGENT}}}would-be-refused")]
    lines = [] if refused and _is_empty(reply) else list(_totals(reply))
    for entry in reply.iterchildren(f"{{{AGENT}}}entry", f"{{{AGENT}}}all-entries"):
        lines += _entry(entry, "messages" in given)
    lines += [f"would be refused: {one}" for one in refused]
    lines += [f"warning: {one.text}" for one in reply.iterchildren(f"{{{AGENT}}}warning")]
    lines += [f"not known: {one.text}" for one in reply.iterchildren(f"{{{AGENT}}}unknown")]
    shell.out.text("\n".join(lines))
    return Status.REFUSED if refused else Status.OK


def rollback(shell: Shell, given: Mapping[str, str]) -> int:
    """Load the configuration as a commit left it into the candidate."""
    editing = shell.editing
    # What was loaded is there again with one line; others may have edited along with us, though.
    typed = editing.edited and (editing.shared or not editing.loaded)
    if typed and editing.refresh() and shell.interactive and not _drop_edits(shell):
        return Status.REFUSED
    with shell.out.progress("loading"):
        reply = editing.load(tree(AGENT, "load-commit", {"commit": given["COMMIT"]}))
    for left_out in reply.iterchildren(f"{{{AGENT}}}left-out"):
        shell.out.warn(f"left out, for it does not fit the YANG modules any more: {left_out.text}")
    if editing.differs:
        shell.out.text(
            f"The candidate is as commit {given['COMMIT']} left it: 'diff' shows what 'commit' would change."
        )
    else:
        shell.out.text(f"Nothing differs from commit {given['COMMIT']}.")
    return Status.OK


def discard(shell: Shell, given: Mapping[str, str]) -> int:
    """Drop what is in the candidate, of whomever."""
    editing = shell.editing
    differs = editing.refresh()
    if occupied := editing.occupied():
        shell.out.warn(occupied)
        return Status.REFUSED
    if not differs:
        editing.discard()
        shell.out.text("There is nothing to discard.")
        return Status.OK
    if editing.foreign and shell.interactive and not shell.confirm("All of it is of others. Drop it?"):
        return Status.REFUSED
    editing.discard()
    return Status.OK


def lock(shell: Shell, given: Mapping[str, str]) -> None:
    shell.editing.keep()
    shell.out.text("The candidate is yours until 'unlock', or until this session ends.")


def unlock(shell: Shell, given: Mapping[str, str]) -> int:
    """Give the lock back; edits that are not committed go with it."""
    editing = shell.editing
    if not editing.locked:
        shell.out.text("You have no lock.")
        return Status.OK
    if editing.edited and editing.refresh() and shell.interactive and not _drop_edits(shell):
        return Status.REFUSED
    editing.release()
    return Status.OK


def kill_session(shell: Shell, given: Mapping[str, str]) -> int:
    """End the session of somebody else."""
    number = int(given["SESSION"])
    if number == shell.client.session_id:
        shell.out.warn("that is your own session: 'quit' ends it")
        return Status.REFUSED
    if is_missing(shell.client, number):
        return shell.missing(
            "SESSION", f"there is no session {number} ('show sessions' has those that there are)"
        )
    if shell.interactive and not shell.confirm(f"End the session of {who(shell.client, number)}?"):
        return Status.REFUSED
    request = empty("kill-session")
    etree.SubElement(request, f"{{{NETCONF}}}session-id").text = str(number)
    shell.client.rpc(request)
    return Status.OK


def _drop_edits(shell: Shell) -> bool:
    return shell.confirm("What you have edited is not committed. Drop it?")


def _refusal(shell: Shell, entry: Element) -> str:
    """Return an entry of would-be-refused as ``commit check`` says it."""
    error = ServerError(
        tag=_told(entry, "error-tag"),
        message=_told(entry, "error-message") or _told(entry, "error-tag"),
        app_tag=_told(entry, "error-app-tag"),
        path=entry.findtext(f"{{{AGENT}}}error-path") or "",
    )
    return saying.with_mending(error, shell.mending)


def _is_empty(reply: Element) -> bool:
    """Return whether nothing was looked at, as where the configuration itself is wrong."""
    return reply.find(f"{{{AGENT}}}entry") is None and reply.find(f"{{{AGENT}}}all-entries") is None


def _totals(reply: Element) -> list[str]:
    totals = reply.find(f"{{{AGENT}}}totals")
    if totals is None:
        return []
    entries, messages, interrupted = (
        totals.findtext(f"{{{AGENT}}}{name}") or "0" for name in ("entries", "messages", "interrupted")
    )
    if entries == "0" and messages == "0":
        return ["A commit would change nothing that the IKE daemon knows."]
    sent = counted(int(messages), "message")
    return [f"{entries} changed or affected, {sent} to the IKE daemon, {interrupted} interrupted"]


def _entry(entry: Element, whole: bool) -> list[str]:
    head = f"{_told(entry, 'path') or 'all tunnels'} {_told(entry, 'change')}".rstrip()
    lines = [head]
    for live in entry.iterchildren(f"{{{AGENT}}}live"):
        kind, now, effect, count = (_told(live, name) for name in ("kind", "now", "effect", "affected"))
        lines.append(f"  {kind}: {now} now, {effect} {count}")
    known = _told(entry, "interruption-known-from")
    if known:
        seconds = _told(entry, "interruption-s")
        lines.append(f"  interruption: {f'{seconds} s, ' if seconds else ''}{known}")
    messages = list(entry.iterchildren(f"{{{AGENT}}}message"))
    lines += [
        f"  {_told(one, 'index')} {_told(one, 'command')} {_told(one, 'content') if whole else ''}".rstrip()
        for one in messages[:_MOST_MESSAGES]
    ]
    if len(messages) > _MOST_MESSAGES:
        lines.append(f"  ... and {counted(len(messages) - _MOST_MESSAGES, 'more message')}")
    return lines + [f"  {also.text}" for also in entry.iterchildren(f"{{{AGENT}}}also")]


def _told(element: Element, name: str) -> str:
    return " ".join((element.findtext(f"{{{AGENT}}}{name}") or "").split())


COMMANDS = (
    Command(
        "diff [COMMIT] [PART]",
        "what a commit would change: the candidate compared with what is in force, or with an earlier commit",
        diff,
        words={"diff": "what a commit would change"},
        arguments={"COMMIT": _COMMIT, "PART": PART},
        json=True,
    ),
    Command(
        "dry-run [messages]",
        "what a commit would do to live tunnels; nothing is changed",
        dry_run,
        words={
            "dry-run": "what a commit would do to live tunnels",
            "messages": "with what the IKE daemon would be sent, word by word",
        },
    ),
    Command(
        "rollback COMMIT",
        "load the configuration as a commit left it; 'commit' puts it in force",
        rollback,
        words={"rollback": "load the configuration of an earlier commit"},
        arguments={"COMMIT": _COMMIT},
    ),
    Command(
        "discard",
        "drop all that is not committed",
        discard,
        words={"discard": "drop all that is not committed"},
    ),
    Command(
        "lock",
        "keep others from editing until 'unlock'; an edit does so until it is committed or dropped",
        lock,
        words={"lock": "keep others from editing"},
    ),
    Command("unlock", "let others edit again", unlock, words={"unlock": "let others edit again"}),
    Command(
        "kill-session SESSION",
        "end the session of somebody else, with its lock and what it has not committed",
        kill_session,
        words={"kill-session": "end the session of somebody else"},
        arguments={
            "SESSION": Argument("its number ('show sessions')", source="session", number=(1, 2**32 - 1))
        },
    ),
)
