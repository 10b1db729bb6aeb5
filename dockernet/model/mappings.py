"""Mappings that keep the promise of the values: frozen and hashable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from dockernet._shown import shown_lines

K = TypeVar("K")
V = TypeVar("V")


class FrozenMap(Mapping[K, V], Generic[K, V]):
    """A mapping that cannot change, so that a value may hold it and still be hashed.

    Example:
        >>> FrozenMap({"com.docker.compose.service": "db"})
        FrozenMap({'com.docker.compose.service': 'db'})
    """

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[K, V] | None = None) -> None:
        object.__setattr__(self, "_items", dict(items or {}))

    _items: dict[K, V]

    def __getitem__(self, key: K) -> V:
        return self._items[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot change")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot change")

    def __reduce__(self) -> tuple[type[FrozenMap[K, V]], tuple[dict[K, V]]]:
        return type(self), (dict(self._items),)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._items!r})"


class SecretMap(FrozenMap[str, str]):
    """A frozen mapping whose values never show: its repr has the names alone.

    Example:
        >>> SecretMap({"POSTGRES_PASSWORD": "s3cret"})
        SecretMap(POSTGRES_PASSWORD)
    """

    __slots__ = ()

    def __init__(self, items: Mapping[str, str] | None = None) -> None:
        super().__init__(items)

    def __repr__(self) -> str:
        return f"SecretMap({', '.join(map(shown_lines, self))})"
