import datetime
import datetime as dt
import decimal
import os.path
import pathlib
import sys
import uuid
from datetime import date, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Optional
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect import flow

LIMIT = 10
NAME: str = "constant"
PARTS = ["a", "b"]
TABLE = {"k": 1, "nested": {"x": [1, 2]}}
BASE = Path("/data")
FIRST, SECOND = 1, "two"
A = B = 7
DAY = timedelta(days=1)
KILO = 1_000
MASK = 0xFF
TEXT = "line one\n" "line two"
EMPTY = ()


class Settings:
    timeout = 30
    name = "settings"

    class Deep:
        x = 1


LIMIT_LATER = LIMIT
LIMIT = 20


@flow
def constants(
    a: int = LIMIT,
    b: str = NAME,
    c: list = PARTS,
    d: dict = TABLE,
    e: Path = BASE,
    f: int = FIRST,
    g: str = SECOND,
    h: int = A,
    i: int = B,
    j: timedelta = DAY,
    k: int = LIMIT_LATER,
    l: int = Settings.timeout,
    m: str = Settings.name,
    n: int = Settings.Deep.x,
    o: int = KILO,
    p: int = MASK,
    q: str = TEXT,
    r: str = PARTS[0],
    s: int = TABLE["k"],
    t: tuple = EMPTY,
    u: list = TABLE["nested"]["x"],
):
    pass


LIMIT = 30


@flow
def temporal(
    a: datetime.datetime = datetime.datetime(2020, 1, 1),
    b: dt.datetime = dt.datetime(2020, 1, 1, 12, 30, tzinfo=timezone.utc),
    c: date = date(2020, 2, 29),
    d: time = time(12, 30, 15),
    e: timedelta = timedelta(days=1, hours=2),
    f: timedelta = timedelta(seconds=90),
    g: timedelta = timedelta(milliseconds=1500),
    h: dt.datetime = dt.datetime(2020, 1, 1, 0, 0, 0, 123456),
    i: timedelta = timedelta(0),
    j: timedelta = -timedelta(hours=1),
    k: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.timezone(timedelta(hours=2))),
    l: time = time(1, 2, 3, 4000),
    m: timedelta = timedelta(weeks=2),
    n: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC")),
    o: dt.datetime = dt.datetime.fromisoformat("2021-05-06T07:08:09"),
    p: date = date.fromisoformat("2021-05-06"),
    q: timedelta = timedelta(days=400, seconds=1),
    r: dt.datetime = dt.datetime(2020, 1, 1) + timedelta(days=31),
    s: timedelta = timedelta(days=1) * 3,
    t: timedelta = 2 * timedelta(minutes=30),
    u: date = dt.datetime(2020, 1, 1, 5),
    v: timedelta = timedelta(days=-1),
    w: timedelta = timedelta(microseconds=1),
    x: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
    y: dt.datetime = dt.datetime(2020, 1, 1, tzinfo=dt.timezone(timedelta(hours=-5, minutes=-30))),
):
    pass


@flow
def objects(
    a: UUID = UUID("00000000-0000-0000-0000-00000000000A"),
    b: Decimal = Decimal("9.99"),
    c: Decimal = Decimal(5),
    d: Path = Path("data/in"),
    e: Path = Path("data") / "in" / "file.csv",
    f: Path = BASE / "x",
    g: uuid.UUID = uuid.UUID(int=5),
    h: decimal.Decimal = decimal.Decimal("1E+3"),
    i: pathlib.Path = pathlib.Path("a//b/./c/"),
    j: Path = Path(),
    k: Path = Path("a", "b"),
    l: bytes = b"abc",
    m: bytes = b"",
    n: bytes = b"\xff",
    o: str = str(BASE / "y"),
    p: object = object(),
    q: object = object,
    r: type = int,
    s: complex = 1 + 2j,
    t: Optional[Path] = Path("t"),
    u: str = Path("text"),
    v: Path = "text",
    w: Path = Path("a/../b"),
    x: Path = Path("."),
    y: Path = Path("/"),
):
    pass


@flow
def arithmetic(
    a: int = 60 * 60,
    b: float = 1 / 2,
    c: int = 7 // 2,
    d: int = -7 // 2,
    e: int = 7 % 3,
    f: int = 2**10,
    g: str = "a" + "b",
    h: str = "-" * 3,
    i: list = [0] * 3,
    j: list = [1] + [2],
    k: int = len("abcd"),
    l: int = int("5"),
    m: str = str(5),
    n: float = float("1.5"),
    o: bool = not True,
    p: int = -5,
    q: int = +5,
    r: int = ~5,
    s: bool = 1 < 2,
    t: int = 1 if True else 2,
    u: str = None or "x",
    v: int = 1 and 2,
    w: int = 1 << 4,
    x: int = 5 & 3,
    y: tuple = (1,) + (2,),
    z: float = 1e3,
):
    pass


@flow
def more_arithmetic(
    a: str = "abc".upper(),
    b: str = "a,b".replace(",", ";"),
    c: list = "a,b".split(","),
    d: str = ",".join(["a", "b"]),
    e: str = f"{LIMIT}-{NAME}",
    f: str = f"plain",
    g: int = max(1, 2),
    h: int = sum([1, 2]),
    i: list = list(range(3)),
    j: list = sorted([3, 1]),
    k: dict = {**TABLE, "more": 2},
    l: list = [*PARTS, "c"],
    m: list = [x * 2 for x in [1, 2]],
    n: bool = "a" in "abc",
    o: str = "text"[1:3],
    p: list = [1, 2, 3][:2],
    q: str = "x".strip(),
    r: int = abs(-3),
    s: float = round(1.256, 2),
    t: list = list("ab"),
    u: tuple = tuple([1, 2]),
    v: bool = bool(0),
    w: int = len(PARTS),
    x: str = "%s" % "a",
    y: str = "{}-{}".format(1, 2),
    z: str = TABLE.get("missing", "fallback"),
):
    pass


@flow
def numbers(
    a: float = 1e300,
    b: float = 1.0,
    c: float = 0.1,
    d: int = 2**53 + 1,
    e: float = 1e22,
    f: float = 1e-7,
    g: float = -0.0,
    h: int = 0b101,
    i: int = 0o17,
    j: float = 123456789012345680.0,
    k: int = -(2**63),
    l: int = 2**64 - 1,
):
    pass


@flow
def unjson(
    a=print,
    b=lambda x: x,
    c=...,
    f=Settings,
    g=Settings(),
    h=sys,
    i=[object()],
    j={"k": lambda: 1},
    k=NotImplemented,
    l=b"\xff\xfe",
    m=range(3),
    n=int,
    o=1j,
):
    pass


@flow
def comprehensions(
    a: list = [x * 2 for x in range(3)],
    b: dict = {name: len(name) for name in PARTS},
    c: set = {x for x in (1, 1, 2)},
    d: list = [x for x in range(10) if x % 3 == 0],
    e: list = [[y for y in range(x)] for x in range(3)],
    f: list = [x + y for x in (1, 2) for y in (3, 4)],
    g: list = list(range(2, 10, 4)),
    h: int = sum(x for x in [1, 2]),
    i: list = [LIMIT for _ in range(2)],
    j: tuple = tuple(range(2)),
    k: int = max([1, 5, 2]),
    l: list = sorted({3, 1, 2}),
    m: list = [a for a, b in [(1, 2)]],
):
    pass


def helper():
    return 5


@flow
def calls(a: int = helper(), b: list = list(map(str, [1, 2]))):
    pass


@flow
def text(a: str = "naïve – ☃ 🎉", b: str = 'say "hi"\nnext', c: str = "tab\there", d: str = r"raw\n", e: str = "\x00\x1f\u2028", f: str = """multi
line"""):
    pass
