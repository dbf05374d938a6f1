"""A set of items in the order of their values, of which one at a time may change."""

import heapq
from typing import Generic, TypeVar

_ITEM = TypeVar("_ITEM")
_FEW = 64  # outdated entries that are not worth a clean-up


class Ranking(Generic[_ITEM]):
    """Finds the item of least value. That, and each change, costs O(log n), amortized.

    Values are compared by `<`. Of items with equal values, the one that was put first is the least.
    """

    def __init__(self) -> None:
        # The number of each item's latest entry, the only one of its entries that counts.
        self._numbers: dict[_ITEM, int] = {}
        self._entries: list[tuple[tuple[float, ...], int, _ITEM]] = []
        self._puts = 0

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, item: _ITEM) -> bool:
        return item in self._numbers

    def put(self, item: _ITEM, value: tuple[float, ...]) -> None:
        """Add the item, or change its value."""
        self._puts += 1
        self._numbers[item] = self._puts
        heapq.heappush(self._entries, (value, self._puts, item))
        if len(self._entries) > 2 * len(self._numbers) + _FEW:
            self._entries = [entry for entry in self._entries if self._counts(entry)]
            heapq.heapify(self._entries)

    def drop(self, item: _ITEM) -> None:
        """Forget the item; harmless if it is not there."""
        self._numbers.pop(item, None)

    def least(self) -> _ITEM | None:
        """The item of least value, which stays in the set; None if the set is empty."""
        while self._entries and not self._counts(self._entries[0]):
            heapq.heappop(self._entries)
        return self._entries[0][2] if self._entries else None

    def _counts(self, entry: tuple[tuple[float, ...], int, _ITEM]) -> bool:
        return self._numbers.get(entry[2]) == entry[1]
