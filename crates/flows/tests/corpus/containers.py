import collections
import collections.abc
import typing
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Generator, Iterable, Iterator, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any, Dict, Deque, FrozenSet, List, Literal, Optional, Set, Tuple, Type, Union

from prefect import flow


@flow
def bare(a: list, b: dict, c: tuple, d: set, e: frozenset, f: List, g: Dict, h: Tuple, i: Set, j: FrozenSet):
    pass


@flow
def typed(
    a: list[int],
    b: List[str],
    c: dict[str, int],
    d: Dict[str, Any],
    e: dict[int, float],
    f: set[int],
    g: Set[str],
    h: frozenset[int],
    i: FrozenSet[bytes],
    j: deque,
    k: deque[int],
    l: Deque[str],
):
    pass


@flow
def tuples(
    a: tuple[int],
    b: tuple[int, str],
    c: tuple[int, ...],
    d: Tuple[int, str, float],
    e: Tuple[str, ...],
    f: tuple[()],
    g: Tuple[()],
    h: tuple[tuple[int, int], ...],
):
    pass


@flow
def abstract(
    a: Sequence[int],
    b: typing.Sequence[str],
    c: Iterable[int],
    d: typing.Iterable,
    e: Mapping[str, int],
    f: typing.Mapping,
    g: MutableMapping[str, list[int]],
    h: MutableSequence[int],
    i: collections.abc.Set[int],
    j: typing.AbstractSet[str],
    k: Generator[int, None, None],
    l: Sequence,
    m: collections.abc.Collection[int],
    n: Iterator[int],
):
    pass


@flow
def special(a: OrderedDict, b: OrderedDict[str, int], c: defaultdict[str, list[int]], d: Counter, e: Counter[str], f: typing.DefaultDict[str, int], g: collections.OrderedDict[str, str]):
    pass


@flow
def nested(
    a: list[list[int]],
    b: dict[str, dict[str, list[float]]],
    c: list[dict[str, Optional[int]]],
    d: Optional[list[Optional[str]]] = None,
    e: dict[str, tuple[int, str]] = {"k": (1, "one")},
    f: list[set[int]] = [],
    g: dict[Literal["a", "b"], int] = {},
    h: list[Any] = [1, "two", None, 2.5, {"x": [True]}],
    i: dict[str, Union[int, list[int]]] = {"one": 1, "many": [1, 2]},
):
    pass


@flow
def defaults(
    a: list[int] = [3, 1, 2],
    b: tuple[int, str] = (1, "one"),
    c: set[int] = {3, 1, 2},
    d: frozenset[str] = frozenset({"b", "a"}),
    e: dict[str, int] = {"z": 1, "a": 2},
    f: dict[int, str] = {1: "one", 2: "two"},
    g: list = list(),
    h: dict = dict(),
    i: set = set(),
    j: tuple = (),
    k: dict = dict(a=1, b="two"),
    l: deque[int] = deque([1, 2]),
    m: dict[bool, int] = {True: 1, False: 0},
    n: dict[float, int] = {1.5: 1},
    o: dict[str | None, int] = {None: 1},
    p: set[str] = {"only"},
    q: dict[tuple[int, int], str] = {(1, 2): "a"},
):
    pass


@flow
def types(a: Type[int], b: Type, c: type[Any]):
    pass
