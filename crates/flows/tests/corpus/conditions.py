"""Names that depend on conditions, places and changes."""

import os
import random
import sys
import typing
from datetime import date, datetime
from typing import TYPE_CHECKING, Optional

from prefect import flow
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Sequence
else:
    Sequence = list

if sys.version_info >= (3, 9):
    Names = list[str]
else:
    Names = typing.List[str]

if sys.version_info >= (3, 11):
    from typing import Self
else:
    from typing_extensions import Self

try:
    from typing import Annotated
except ImportError:
    from typing_extensions import Annotated

try:
    import json as fast_json
    HAS_FAST = True
except ImportError:
    HAS_FAST = False

try:
    import not_installed_anywhere
    HAS_OPTIONAL = True
except ImportError:
    not_installed_anywhere = None
    HAS_OPTIONAL = False

if os.environ.get("STAGE") == "prod":
    LIMIT = 100
else:
    LIMIT = 10

if True:
    ALWAYS = 1
elif False:
    ALWAYS = 2

if __name__ == "__main__":
    MAIN = "main"
else:
    MAIN = "imported"

COUNT = 1
COUNT += 1

GROWING = [1]
GROWING.append(2)

TABLE = {}
TABLE["k"] = 1

SHARED = [1, 2]
sorted(SHARED)

for number in range(3):
    LAST = number

with open(os.devnull) as handle:
    INSIDE = 5

LATE = "early"


def changes():
    global CHANGED
    CHANGED = 2


CHANGED = 1
NOT_TWICE = 3
FIRST, *REST = [1, 2, 3]
(A, B), C = (1, 2), 3
CHAINED = OTHER = "both"
if (WALRUS := 7) > 5:
    pass


class Model(BaseModel):
    n: int = 1


Alias = Model
Model2 = Alias


@flow
def types(a: Sequence[int], b: Names, c: Annotated[int, "x"] = 1, d: Optional[Alias] = None, e: Model2 = None):
    pass


@flow
def certain(
    a: bool = HAS_FAST, b: int = ALWAYS, c: str = MAIN, d: str = LATE, e: int = INSIDE, f: int = NOT_TWICE, g: int = A, h: int = C, i: str = OTHER
):
    pass


@flow
def uncertain(
    a: bool = HAS_OPTIONAL,
    b: int = LIMIT,
    c: int = COUNT,
    d: list = GROWING,
    e: dict = TABLE,
    f: list = SHARED,
    g: int = LAST,
    h: int = CHANGED,
    i: int = FIRST,
    j: list = REST,
    k: int = WALRUS,
):
    pass


@flow
def runtime(
    a: str = os.getenv("NOTHING_SET"),
    b: str = os.environ.get("NOTHING_SET", "fallback"),
    c: str = f"{1 + 1}",
    d: bool = TYPE_CHECKING,
    e: str = __name__,
    f: str = os.path.join("a", "b"),
    g: str = str(date(2020, 1, 1)),
    h: str = datetime(2020, 1, 1).isoformat(),
):
    pass


LATE = "late"


def factory():
    @flow
    def made(a: int = 1):
        pass

    return made


made = factory()


def constant():
    """Returns a constant."""
    return {"k": [1, 2]}


@flow
def called(a: dict = constant()):
    pass
