"""What can be read in order only, for threads that ask for its pieces about in order."""

from collections.abc import Callable
from contextlib import suppress
from threading import Lock

_NEAR = 256  # pieces: what lies no further ahead is read on the way, for the threads that are a little behind
_KEPT_BYTES = 1 << 26


class InOrder:
    """The pieces of a stream, each read once where they are asked for about in order.

    `read_at` gives a piece by its number, and is quick where numbers grow. What is passed on the way to a piece is
    kept until it is asked for, the last _KEPT_BYTES of it.
    """

    def __init__(self, read_at: Callable[[int], bytes]) -> None:
        self._read_at = read_at
        self._lock = Lock()
        self._next = 0
        self._passed: dict[int, bytes] = {}
        self._passed_bytes = 0

    def piece(self, number: int) -> bytes:
        """Return a piece. Raises what `read_at` raises."""
        with self._lock:
            if number in self._passed:
                return self._taken(number)
            if number > self._next + _NEAR:
                self._next = number - _NEAR
            self._next = min(self._next, number)
            while self._next < number:
                with suppress(OSError):  # whoever asks for it will hear
                    self._keep(self._next, self._read_at(self._next))
                self._next += 1
            data = self._read_at(number)
            self._next = number + 1
            return data

    def _keep(self, number: int, data: bytes) -> None:
        if number in self._passed:
            return
        self._passed[number] = data
        self._passed_bytes += len(data)
        while self._passed_bytes > _KEPT_BYTES:
            self._taken(next(iter(self._passed)))

    def _taken(self, number: int) -> bytes:
        data = self._passed.pop(number)
        self._passed_bytes -= len(data)
        return data
