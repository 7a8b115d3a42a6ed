"""Constructs that are rare, each of them once."""

import dataclasses
import enum
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, InitVar, dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum, auto
from functools import total_ordering
from typing import Annotated, Any, ClassVar, Dict, Final, List, Literal, NamedTuple, NewType, Optional, TypeAlias, TypedDict, Union

from prefect import flow
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    field_validator,
    model_validator,
)

Mode = Literal["fast", "slow"]
Positive = Annotated[int, Field(gt=0)]
Stripped = Annotated[str, AfterValidator(str.strip)]
Checked: TypeAlias = Annotated[int, BeforeValidator(int), Field(le=9)]


@dataclass
class WithInit:
    a: int
    seed: InitVar[int] = 3
    shared: ClassVar[int] = 1
    fixed: Final[int] = 2


@dataclass
class WithKeywords:
    a: int
    _: KW_ONLY
    b: int = 1
    c: str = "c"


@dataclass(slots=True, order=True)
class Slotted:
    a: int = 1


class Undecorated(Slotted):
    b: int = 2


@dataclass
class _Private:
    _hidden: int = 1
    shown: int = 2


@dataclass
class Several(Slotted, WithKeywords):
    d: float = 1.0


class Forbidding(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: Slotted
    mode: Mode = "fast"


class Finals(BaseModel):
    a: Final[int] = 1
    b: Final[int]
    _c: int = PrivateAttr(3)


class Validators(BaseModel):
    a: Stripped = "x"
    b: Checked = 1
    c: List[Positive] = []
    d: Dict[Mode, Positive] = {}

    @field_validator("a", mode="before")
    @classmethod
    def before(cls, value):
        return value

    @field_serializer("b")
    def as_text(self, value):
        return str(value)

    @model_validator(mode="before")
    @classmethod
    def all(cls, data):
        return data


class Unfielded(BaseModel):
    """Attributes that are no fields."""

    a: int = 1
    LIMIT: ClassVar = 5

    @property
    def double(self):
        return self.a * 2

    @staticmethod
    def helper():
        return 1


class Mixin:
    """A mixin's docstring is not the model's."""

    tag: str = "t"


class Combined(Mixin, Unfielded):
    b: Optional["Combined"] = None


@total_ordering
class Ordered(Enum):
    LOW = 1
    HIGH = 2

    def __lt__(self, other):
        return self.value < other.value


class Described(Enum):
    A = ("a", "first")
    B = ("b", "second")

    def __init__(self, key, text):
        self.key = key
        self.text = text


class Dated(Enum):
    START = date(2020, 1, 1)
    STEP = timedelta(days=1)
    PRICE = Decimal("1.5")


class Named(enum.Enum):
    def _generate_next_value_(name, start, count, last_values):
        return name.lower()

    A = auto()


class Text(str, Enum):
    A = auto()


class WithPrivate(Enum):
    _ignore_ = ["x"]
    A = 1


class Reading(TypedDict, total=False):
    """A reading."""

    at: t.Required[datetime]
    value: Annotated[float, Field(ge=0, description="measured")]
    unit: t.NotRequired[Mode]


class Row(NamedTuple):
    id: int
    mode: Mode = "slow"
    extra: Optional[Reading] = None


Numbered = NewType("Numbered", Positive)


class Tree(BaseModel):
    value: int
    left: Optional["Tree"] = None
    right: Optional["Tree"] = None
    parent: "Forest"


class Forest(BaseModel):
    trees: List[Tree] = []


class parameters(BaseModel):
    x: int = 1


class Parameters(BaseModel):
    y: int = 1


@flow
def dataclasses_(a: WithInit, b: WithKeywords, c: Slotted, d: Undecorated, e: _Private, f: Several):
    pass


@flow
def models(a: Forbidding, b: Finals, c: Validators, d: Unfielded, e: Combined):
    pass


@flow
def forbidden_first(a: Slotted, b: Forbidding):
    pass


@flow
def forbidden_last(a: Forbidding, b: Slotted):
    pass


@flow
def enums(a: Ordered, b: Described, c: Dated, d: Ordered = Ordered.LOW, e: Described = Described.A, f: Dated = Dated.START):
    pass


@flow
def uncertain_enums(a: Named, b: Text, c: WithPrivate, d: Literal[Dated.START] = Dated.START):
    pass


@flow
def tuples(a: Reading, b: Row, c: Row = Row(1), d: Numbered = 3, e: List[Row] = []):
    pass


@flow
def annotated(a: Mode, b: Positive, c: Stripped, d: Checked, e: Optional[Positive] = None, f: Mode = "fast"):
    pass


@flow
def recursive(a: Tree, b: Forest):
    pass


@flow
def named_like_its_title(Slotted: Slotted, Ordered: Ordered, a: Parameters, b: parameters):
    pass


@flow
def unjson_types(
    a: Optional[Callable] = None,
    b: Union[Callable, Sequence[int]] = (),
    c: List[Callable] = [],
    d: Dict[str, Callable[..., int]] = {},
    e: Union[Callable, None, int] = None,
):
    pass


@flow
def secrets(a: SecretStr, b: Optional[SecretStr] = SecretStr("x"), c: SecretStr = SecretStr("")):
    pass


@flow
def qualified(a: t.Optional[int], b: t.Dict[str, t.Any], c: "t.List[int]" = []):
    pass


@flow
def positional(a, /, b, *, c):
    """Positional.

    Args:
        a: the first
        b: the second
        c: the third
    """


@flow
def models_in_containers(a: Dict[str, List[Forbidding]], b: tuple[Forbidding, ...], c: List[Union[Forbidding, Slotted, int]], d: Optional[Dict[Ordered, Forbidding]] = None):
    pass


@flow
def field_defaults(
    a: Forbidding = Field(default=None, description="a model"),
    b: List[int] = Field(default=[1, 2], min_length=1),
    c: Ordered = Field(default=Ordered.HIGH),
    d: Annotated[Positive, Field(description="annotated")] = Field(default=3),
    e: Optional[date] = Field(default=date(2020, 1, 1), title="A date"),
):
    """Fields.

    Args:
        b: from the docstring
        a: not used
    """


class Extras(BaseModel):
    a: int = Field(1, example=5, unit="s")
    b: List[int] = Field([], min_items=1, max_items=3)
    c: int = Field(1, example=5, json_schema_extra={"kept": True})


@flow
def extra_keywords(a: Extras, b: int = Field(1, example=5), c: List[int] = Field(default=[], min_items=1)):
    pass
