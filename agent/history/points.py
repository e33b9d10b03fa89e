"""A state of the configuration that a client names by a commit, found in the history."""

from __future__ import annotations

from agent.datastore.spans import count_in_force, ever_given, kept, newest_before, state_of
from agent.datastore.store import Store
from agent.errors import InvalidValue


def as_left_by(store: Store, commit_id: int, element: str) -> int:
    """*worker* Return ``commit_id``, for which running was once as that commit left it.

    Args:
        element: the parameter that names it.

    Raises:
        InvalidValue: there is no such commit, or no longer, or it was undone.
    """
    state = state_of(store, commit_id)
    if state == "committed":
        return commit_id
    there = kept(store)
    info = {"bad-element": element}
    if state == "undone":
        message = f"commit {commit_id} was undone, so nothing is as it left it; {there}"
        raise InvalidValue(message, app_tag="commit-undone", info=info)
    if state is None and ever_given(store, commit_id):
        message = f"commit {commit_id} is no longer kept; {there}"
        raise InvalidValue(message, app_tag="commit-dropped", info=info)
    raise InvalidValue(f"there is no commit {commit_id}; {there}", app_tag="no-such-commit", info=info)


def beginning(store: Store) -> int:
    """*worker* Return what stands for the state before the oldest commit that is kept."""
    return max(kept(store).oldest - 1, 0)


def commits_ago(store: Store, count: int, element: str) -> tuple[int, int | None]:
    """*worker* Return what stands for the state of ``count`` commits ago, and the commit that left it so,
    None if that is not kept.

    Raises:
        InvalidValue: the history does not go back so far.
    """
    commit_id = newest_before(store, count)
    if commit_id is not None:
        return commit_id, commit_id
    if (there := count_in_force(store)) < count:
        raise InvalidValue(
            f"the history goes back {there} commit{'' if there == 1 else 's'}, not {count}; {kept(store)}",
            app_tag="no-such-commit",
            info={"bad-element": element},
        )
    return beginning(store), None
