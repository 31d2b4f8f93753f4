"""What a worker knows of a batch: which of its calls were begun."""

from _thread import allocate_lock


class Batch:
    """Calls that came in one frame; those that were not begun can be taken back."""

    def __init__(self, number: int, count: int) -> None:
        self.number = number
        self._count = count
        self._begun = 0
        self._lock = allocate_lock()

    def begins(self) -> bool:
        """The main thread comes to the next call; whether it may run it."""
        with self._lock:
            if self._begun >= self._count:
                return False
            self._begun += 1
            return True

    def stays(self) -> int:
        """Let no further call begin; how many were begun."""
        with self._lock:
            self._count = self._begun
            return self._begun
