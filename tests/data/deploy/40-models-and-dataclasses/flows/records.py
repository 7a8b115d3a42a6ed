from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import List, Optional

from prefect import flow
from typing_extensions import NotRequired, TypedDict


@dataclass
class Point:
    """A place."""

    x: int
    y: int = 0


@dataclass
class Path:
    name: str
    points: List[Point] = field(default_factory=list)
    closed: Optional[bool] = None


class Options(TypedDict):
    size: int
    color: NotRequired[str]


class Color(Enum):
    RED = "red"
    GREEN = "green"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


@flow
def c40_records(path: Path, point: Point = Point(1, 2)):
    pass


@flow
def c40_typed(options: Options, many: List[Options] = []):
    pass


@flow
def c40_enums(color: Color, level: Level = Level.HIGH, colors: List[Color] = [Color.RED]):
    pass


START = Point(3, 4)


@flow
def c40_defaults(point: Point = START, n: int = 2 * 3, text: str = "a" + "b", nothing: None = None):
    pass
