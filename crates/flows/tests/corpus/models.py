from __future__ import annotations

from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, ClassVar, Dict, Generic, List, Literal, Optional, TypeVar, Union

from prefect import flow
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    computed_field,
    field_validator,
    model_validator,
)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Simple(BaseModel):
    a: int
    b: str = "text"


class Documented(BaseModel):
    """A documented model.

    With two lines.
    """

    first_name: str
    camelCase: int = 1
    ABC_def: int = 2
    x1_y2: int = 3


class Everything(BaseModel):
    number: int = Field(default=1, ge=0, le=10, description="a number", title="Own title")
    required: str = Field(..., min_length=1, max_length=5, pattern="^a")
    undescribed: float = Field(gt=0)
    factory: List[int] = Field(default_factory=list)
    factory_dict: Dict[str, Any] = Field(default_factory=dict, description="made")
    optional: Optional[int] = None
    colour: Colour = Colour.RED
    choice: Literal["a", "b"] = "a"
    when: datetime = datetime(2020, 1, 1)
    day: Optional[date] = None
    wait: timedelta = timedelta(seconds=5)
    examples: int = Field(1, examples=[1, 2])
    old: int = Field(1, deprecated=True)
    extra: int = Field(1, json_schema_extra={"unit": "s"})
    annotated: Annotated[int, Field(ge=3, description="from Annotated")] = 4
    annotated_required: Annotated[str, Field(max_length=3)]
    anything: Any = None
    plain: dict = {}
    union: Union[int, str] = 1
    excluded: int = Field(1, exclude=True)
    _private: int = 5
    constant: ClassVar[int] = 3


class Inner(BaseModel):
    value: int = 1


class Outer(BaseModel):
    inner: Inner
    maybe: Optional[Inner] = None
    many: List[Inner] = []
    table: Dict[str, Inner] = Field(default_factory=dict)
    described: Inner = Field(description="described reference")
    given: Inner = Inner(value=5)
    made: Inner = Field(default_factory=Inner)


class Base(BaseModel):
    """Base docs."""

    base_field: int
    overridden: str = "base"


class Child(Base):
    child_field: int = 2
    overridden: str = "child"


class GrandChild(Child):
    """Grand docs."""

    last: bool = True


class Mixin:
    shared: int = 3

    def method(self):
        return 1


class Mixed(Mixin, Base):
    own: int = 1


class Tree(BaseModel):
    name: str
    children: List[Tree] = []
    parent: Optional[Tree] = None


class Aliased(BaseModel):
    by_alias: int = Field(alias="byAlias")
    validation: int = Field(1, validation_alias="validationName")
    serialization: int = Field(1, serialization_alias="serializationName")


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", title="Configured title")
    a: int


class Allowing(BaseModel):
    model_config = {"extra": "allow", "json_schema_extra": {"examples": [{"a": 1}]}}
    a: int


class Extra(BaseModel):
    model_config = ConfigDict(json_schema_extra={"x": 1, "description": "from extra"})
    a: int


class Frozen(BaseModel, frozen=True):
    a: int


class Keyword(BaseModel, extra="forbid", title="By keyword"):
    a: int


class OldConfig(BaseModel):
    a: int

    class Config:
        extra = "forbid"
        title = "Old style"


class InheritsConfig(Strict):
    b: int = 1


class Validated(BaseModel):
    a: int
    b: int = 2

    @field_validator("a")
    @classmethod
    def check(cls, v):
        return v

    @model_validator(mode="after")
    def check_all(self):
        return self

    @computed_field
    @property
    def total(self) -> int:
        return self.a + self.b


T = TypeVar("T")


class Box(BaseModel, Generic[T]):
    content: T
    many: List[T] = []


class Pair(BaseModel, Generic[T]):
    """A pair."""

    left: T
    right: Box[T]


class Names(RootModel[List[str]]):
    pass


class Table(RootModel):
    """A table."""

    root: Dict[str, int] = {}


class Empty(BaseModel):
    pass


class EmptyDocumented(BaseModel):
    """Nothing in it."""


class Camel(BaseModel):
    HTTPServer: int = 1
    userID: int = 2
    a_b_c: int = 3
    __hidden: int = 4


class Discriminated(BaseModel):
    kind: Literal["a"] = "a"
    x: int = 1


class Discriminated2(BaseModel):
    kind: Literal["b"] = "b"
    y: int = 1


class Holder(BaseModel):
    item: Union[Discriminated, Discriminated2] = Field(discriminator="kind")


class WithNested(BaseModel):
    class Nested(BaseModel):
        z: int = 1

    nested: WithNested.Nested
    level: Level = 1


Level = Literal[1, 2, 3]


@flow
def simple(a: Simple, b: Documented, c: Optional[Simple] = None):
    pass


@flow
def everything(a: Everything):
    pass


@flow
def nested(a: Outer, b: List[Inner] = [], c: Dict[str, Inner] = {}, d: Union[Inner, Simple, None] = None):
    pass


@flow
def inherited(a: Child, b: GrandChild, c: Mixed, d: Base):
    pass


@flow
def recursive(a: Tree):
    pass


@flow
def aliased(a: Aliased):
    pass


@flow
def configured(a: Strict, b: Allowing, c: Extra, d: Frozen, e: Keyword, f: OldConfig, g: InheritsConfig):
    pass


@flow
def validated(a: Validated):
    pass


@flow
def generic(a: Box[int], b: Box[str], c: Pair[int], d: Box):
    pass


@flow
def roots(a: Names, b: Table):
    pass


@flow
def empty(a: Empty, b: EmptyDocumented, c: Camel):
    pass


@flow
def discriminated(a: Holder, b: Union[Discriminated, Discriminated2] = Field(discriminator="kind"), c: Annotated[Union[Discriminated, Discriminated2], Field(discriminator="kind")] = Discriminated()):
    pass


@flow
def defaults(
    a: Simple = Simple(a=1),
    b: Outer = None,
    c: List[Simple] = [Simple(a=1), Simple(a=2, b="x")],
    d: Base = Child(base_field=1),
    e: Inner = Inner(),
    f: Simple = {"a": 1},
    g: Strict = Strict(a=1),
    h: Aliased = Aliased(byAlias=3),
    i: Everything = Everything(required="a", undescribed=1.5, annotated_required="abc"),
    j: Dict[str, Inner] = {"k": Inner(value=2)},
    k: Tree = Tree(name="root", children=[Tree(name="leaf")]),
    l: Names = Names(["a"]),
    m: Validated = Validated(a=1),
):
    pass


@flow
def inner_class(a: WithNested, b: WithNested.Nested):
    pass


@flow
def described(config: Simple, other: Inner):
    """Described.

    Args:
        config: what to load
        other: something else
    """
