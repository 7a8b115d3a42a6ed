"""Models without `from __future__ import annotations`."""

import dataclasses
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, Required, TypedDict, TypeVar, Union

import pydantic
import pydantic.dataclasses
import typing_extensions
from prefect import flow
from pydantic import BaseModel, Field
from pydantic.dataclasses import dataclass as pydantic_dataclass


class Colour(str, Enum):
    RED = "red"


@dataclass
class Point:
    x: int
    y: int = 0


@dataclass
class Documented:
    """A documented dataclass."""

    name: str
    tags: list[str] = field(default_factory=list)
    colour: Colour = Colour.RED
    hidden: int = field(default=1, init=False)
    shown: int = field(default=2, repr=False)
    described: int = field(default=3, metadata={"description": "meta"})


@dataclasses.dataclass(frozen=True)
class Frozen:
    point: Point
    maybe: Optional[Point] = None


@dataclass
class Child(Point):
    z: int = 3


@dataclass(kw_only=True)
class KeywordOnly:
    a: int = 1
    b: str


@dataclass
class Fielded:
    a: int = Field(default=1, ge=0, description="field")


@pydantic_dataclass
class Validated:
    a: int
    b: list[int] = Field(default_factory=list)


@pydantic.dataclasses.dataclass(config=pydantic.ConfigDict(title="Named", extra="forbid"))
class Configured:
    """Docs."""

    a: int = Field(1, description="x")


class Movie(TypedDict):
    """A film."""

    title: str
    year: int


class Partial(TypedDict, total=False):
    title: str
    year: Required[int]


class Half(TypedDict):
    title: str
    year: NotRequired[int]


class Inherited(Movie):
    rating: float


class Extended(typing_extensions.TypedDict):
    title: str


Functional = TypedDict("Functional", {"a": int, "b-c": str})


class Coordinates(NamedTuple):
    """A place."""

    lat: float
    lon: float = 0.0


Old = namedtuple("Old", ["a", "b"])
OldText = namedtuple("OldText", "a b", defaults=[1])
Typed = NamedTuple("Typed", [("a", int), ("b", str)])

UserId = NewType("UserId", int)
Names = NewType("Names", list[str])

Alias = Optional[dict[str, int]]
Json = Union[dict[str, Any], list[Any], str, int, None]
Numbers = list[int | float]


class Plain:
    def __init__(self, a: int = 1):
        self.a = a


class Slotted:
    __slots__ = ("a",)


T = TypeVar("T")
B = TypeVar("B", bound=int)
C = TypeVar("C", int, str)


class Custom(Generic[T]):
    pass


class Text(str):
    pass


class Number(int):
    pass


class MyList(list):
    pass


class MyDict(dict):
    pass


class MyError(Exception):
    pass


@flow
def dataclass_types(a: Point, b: Documented, c: Frozen, d: Child, e: KeywordOnly):
    pass


@flow
def dataclass_fields(a: Fielded, b: Validated, c: Configured):
    pass


@flow
def typed_dicts(a: Movie, b: Partial, c: Half, d: Inherited, e: Extended, f: Functional):
    pass


@flow
def named_tuples(a: Coordinates, b: Old, c: OldText, d: Typed):
    pass


@flow
def new_types(a: UserId, b: Names, c: UserId = UserId(5), d: Optional[UserId] = None):
    pass


@flow
def aliases(a: Alias, b: Json, c: Numbers, d: Alias = None, e: list[Alias] = []):
    pass


@flow
def classes(a: Plain, b: Slotted, c: Optional[Plain] = None, d: list[Plain] = [], e: Union[Plain, int] = 1, f: Plain = Plain()):
    pass


@flow
def subclasses(a: Text, b: Number, c: MyList, d: MyDict, e: MyError, f: Exception, g: datetime):
    pass


@flow
def type_variables(a: T, b: B, c: C, d: list[T], e: Custom[int]):
    pass


@flow
def defaults(
    a: Point = Point(1, 2),
    b: Point = Point(x=1),
    c: Frozen = Frozen(Point(1)),
    d: Movie = {"title": "x", "year": 1},
    e: Coordinates = Coordinates(1.5, 2.5),
    f: list[Point] = [Point(1)],
    g: Validated = Validated(1),
    h: Documented = Documented("n"),
    i: Old = Old(1, 2),
    j: Text = Text("t"),
    k: Movie = Movie(title="x", year=1),
    l: Configured = Configured(),
    m: Number = Number(3),
):
    pass


@flow
def quoted(a: "Later", b: "Optional[Later]" = None, c: list["Later"] = [], d: Optional["Later"] = None):
    pass


class Later(BaseModel):
    x: int = 1
