import enum
from enum import Enum, Flag, IntEnum, IntFlag, StrEnum, auto, unique
from typing import Literal, Optional

from prefect import flow


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 9


class Word(str, Enum):
    yes = "yes"
    no = "no"


class Modern(StrEnum):
    ALPHA = auto()
    BETA = auto()
    GAMMA = "Gamma"


class Numbered(Enum):
    ONE = auto()
    TWO = auto()
    TEN = 10
    ELEVEN = auto()


class Mixed(Enum):
    TEXT = "a"
    NUMBER = 1
    NOTHING = None
    PAIR = (1, 2)


class Documented(str, Enum):
    """What may happen.

    In two lines.
    """

    A = "a"
    B = "b"


class Aliased(Enum):
    A = 1
    B = 2
    C = 1


class Methods(Enum):
    A = "a"
    B = "b"

    @property
    def label(self):
        return self.value.upper()

    @classmethod
    def default(cls):
        return cls.A

    def __str__(self):
        return self.value


class Ratio(float, Enum):
    HALF = 0.5
    FULL = 1.0


class Truth(Enum):
    YES = True
    NO = False


@unique
class Unique(enum.Enum):
    A = "a"
    B = "b"


class Base(str, Enum):
    pass


class Derived(Base):
    X = "x"
    Y = "y"


class Lists(Enum):
    A = [1]
    B = [2, 3]


class Bits(IntFlag):
    R = 4
    W = 2


class Tuples(Enum):
    A, B = "a", "b"


Functional = Enum("Functional", "NORTH SOUTH")
FunctionalList = Enum("FunctionalList", ["NORTH", "SOUTH"])
FunctionalDict = Enum("FunctionalDict", {"N": "n", "S": "s"})
FunctionalStr = Enum("FunctionalStr", [("N", "n"), ("S", "s")], type=str)


class Holder:
    class Inner(str, Enum):
        P = "p"


@flow
def plain(a: Colour, b: Level, c: Word, d: Modern, e: Numbered, f: Mixed, g: Documented, h: Aliased):
    pass


@flow
def kinds(a: Methods, b: Ratio, c: Truth, d: Unique, e: Derived, f: Lists, g: Bits, h: Tuples, i: Holder.Inner):
    pass


@flow
def defaults(
    a: Colour = Colour.RED,
    b: Level = Level.HIGH,
    c: Word = Word.no,
    d: Modern = Modern.BETA,
    e: Numbered = Numbered.ELEVEN,
    f: Mixed = Mixed.PAIR,
    g: Optional[Colour] = None,
    h: Optional[Colour] = Colour.BLUE,
    i: list[Colour] = [Colour.BLUE],
    j: dict[Colour, int] = {Colour.RED: 1},
    k: str = Colour.RED.value,
    l: str = Colour.RED.name,
    m: Colour = Colour("red"),
    n: Colour = Colour["RED"],
    o: set[Colour] = {Colour.RED},
    p: Colour = "red",
    q: Aliased = Aliased.C,
    r: Colour | str = Colour.RED,
    s: Holder.Inner = Holder.Inner.P,
    t: Ratio = Ratio.HALF,
    u: Methods = Methods.default(),
):
    pass


@flow
def literals(a: Literal[Colour.RED], b: Literal[Colour.RED, Colour.BLUE] = Colour.RED, c: Literal[Level.LOW] = Level.LOW):
    pass


@flow
def functional(a: Functional, b: FunctionalList, c: FunctionalDict, d: FunctionalStr, e: Functional = Functional.NORTH):
    pass
