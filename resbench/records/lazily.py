"""Records by path, each read when it is asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

Value = TypeVar("Value")


class Lazily(Mapping[str, Value]):
    """Values by path, read anew each time and never kept: thousands of records take the memory of one."""

    def __init__(self, paths: Iterable[str], read: Callable[[str], Value]) -> None:
        self._paths = dict.fromkeys(paths)
        self._read = read

    def __getitem__(self, path: str) -> Value:
        """Return the value at `path`."""
        if path not in self._paths:
            raise KeyError(path)
        return self._read(path)

    def __contains__(self, path: object) -> bool:
        """Tell whether there is such a path, without reading."""
        return path in self._paths

    def __iter__(self) -> Iterator[str]:
        """Yield the paths."""
        return iter(self._paths)

    def __len__(self) -> int:
        """Return how many paths there are."""
        return len(self._paths)
