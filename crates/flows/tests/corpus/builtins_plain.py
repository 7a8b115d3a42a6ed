from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, IPv6Address
from pathlib import Path, PosixPath, PurePath
from re import Pattern
from typing import Any, Callable, Hashable, Optional, Union
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import flow


@flow
def required(a: int, b: str, c: float, d: bool, e: bytes, f: Any, g: None, h: object, i: complex):
    pass


@flow
def temporal(a: datetime, b: date, c: time, d: timedelta):
    pass


@flow
def stdlib(
    a: Decimal,
    b: UUID,
    c: Path,
    d: PurePath,
    e: PosixPath,
    f: Pattern,
    g: Pattern[str],
    h: IPv4Address,
    i: IPv4Network,
    j: IPv4Interface,
    k: IPv6Address,
    l: Fraction,
    m: ZoneInfo,
    n: Hashable,
    o: type,
    p: type[int],
):
    pass


@flow
def callables(a: Callable, b: Callable[[int], str], c: Optional[Callable] = None, d: Union[int, Callable] = 1):
    pass


@flow
def kinds(a: int, b: int = 2, /, c: int = 3, *, d: int, e: int = 5):
    pass


@flow
def stars(a, *args, **kwargs):
    pass


@flow
def typed_stars(*numbers: int, **labels: Optional[str]):
    pass


@flow
def bare(x, y=2, z="three", w=None, v=[1], u={"a": 1}, t=(1, "b"), s=1.5, r=True):
    pass


@flow
def nothing():
    pass


@flow
async def asynchronous(n: int = 1) -> int:
    return n


@flow
def generator(n: int = 1):
    yield n


@flow
def shadows(copy: int, json: str = "j", dict: str = "d", schema: int = 3, model_name: str = "m", validate: bool = True):
    pass


@flow
def wrong(a: int = "text", b: str = None, c: list[int] = None, d: bool = 1, e: float = 1, f: int = 1.5):
    pass
