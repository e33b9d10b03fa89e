"""What a subtree filter may cost: elements that it has, and comparisons of them with nodes of data.

A filter that needs few comparisons is applied on libyang's thread. One that needs more goes on in a copy of
the process (agent.apart), so that it keeps nobody waiting, and one that needs too many is refused.
"""

from __future__ import annotations

from agent.apart import in_copy
from agent.errors import ErrorType, ResourceDenied, TooBig
from agent.xml import Element, has_more_elements
from agent.yang.schema import Schema

MAX_ELEMENTS = 10_000
MAX_ELEMENTS_SUBSCRIBED = 1000
"""Of a filter that is applied again to each event."""
MAX_OCTETS_SUBSCRIBED = 64 * 1024
"""Of a filter that is kept as long as its subscription, with what it declares."""
MAX_COMPARISONS = 1_000_000
HERE_COMPARISONS = 20_000
"""Some tens of milliseconds of libyang's thread."""


class TooMuchHere(Exception):
    """A filter needs more than libyang's thread can be kept for, but not more than a copy of the process."""


class TooCostlyFilter(ResourceDenied):
    """A filter takes too long also in a copy of the process."""

    type = ErrorType.PROTOCOL

    def __init__(self) -> None:
        super().__init__(
            "it takes too long to find what the filter selects: give the keys of list entries, and ask for "
            "fewer things, or have fewer paths inside of predicates"
        )


class Budget:
    """Counts what one filter spends on a tree of ``schema``."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._spent = 0

    def spend(self, comparisons: int = 1) -> None:
        """Count comparisons.

        Raises:
            TooBig: the filter asks for more than one request may cost.
            TooMuchHere: it is not a copy of the process that it is applied in, and should be.
        """
        self._spent += comparisons
        if self._spent > MAX_COMPARISONS:
            raise TooBig(
                f"the filter needs more than {MAX_COMPARISONS} comparisons: name list entries by their keys, "
                "or ask for fewer things at once",
                type=ErrorType.PROTOCOL,
            )
        if self._spent > HERE_COMPARISONS and not in_copy():
            raise TooMuchHere


def refuse_large(filter_element: Element, max_elements: int = MAX_ELEMENTS) -> None:
    """Raise TooBig if a subtree filter has too many elements."""
    if has_more_elements(filter_element, max_elements):
        message = f"the filter has more than {max_elements} elements: ask for fewer things at once"
        raise TooBig(message, type=ErrorType.PROTOCOL)
