"""The addresses of a zone that are in no block: given out where they fit best, and joined again when they come back."""

from _bisect import bisect_left

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

__all__ = ["Addresses"]


class Addresses:
    """Free addresses as ranges between which something is in use; the caller sees to it that threads take turns.

    Args:
        start: The first address.
        end: The address behind the last one.
    """

    __slots__ = ("_ends", "_starts")

    def __init__(self, start: int, end: int) -> None:
        self._starts: "List[int]" = [start]  # in order
        self._ends: "Dict[int, int]" = {start: end}

    def take(self, length: int) -> "Optional[int]":
        """The start of that many addresses, of the shortest range that has them; None when no range has."""
        best: "Optional[int]" = None
        shortest = 0
        for start in self._starts:
            room = self._ends[start] - start
            if room >= length and (best is None or room < shortest):
                best, shortest = start, room
                if room == length:
                    break
        if best is None:
            return None
        end = self._ends.pop(best)
        place = bisect_left(self._starts, best)
        if shortest == length:
            del self._starts[place]
        else:
            self._starts[place] = best + length
            self._ends[best + length] = end
        return best

    def give(self, start: int, length: int) -> None:
        """Addresses that were taken are free again."""
        end = start + length
        place = bisect_left(self._starts, start)
        if place < len(self._starts) and self._starts[place] == end:
            end = self._ends.pop(end)
            del self._starts[place]
        if place and self._ends[self._starts[place - 1]] == start:
            self._ends[self._starts[place - 1]] = end
        else:
            self._starts.insert(place, start)
            self._ends[start] = end

    def ranges(self) -> "List[range]":
        """All free addresses, in order."""
        return [range(start, self._ends[start]) for start in self._starts]
