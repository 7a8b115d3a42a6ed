from decimal import Decimal
from typing import Annotated, Any, Literal, Optional, Union

import annotated_types
import pydantic
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MinLen, MultipleOf
from prefect import flow
from pydantic import Field, StringConstraints


@flow
def annotated(
    a: Annotated[float, Field(ge=0, le=1, description="a share", title="Share")] = 0.5,
    b: Annotated[int, Field(gt=0, lt=10)] = 4,
    c: Annotated[str, Field(min_length=1, max_length=8, pattern="^a")] = "a",
    d: Annotated[list[int], Field(min_length=1, max_length=3)] = [1],
    e: Annotated[Optional[int], Field(ge=3)] = None,
    f: Optional[Annotated[int, Field(ge=3, description="inner", title="Inner")]] = None,
    g: Annotated[str, "just a remark"] = "p",
    h: Annotated[int, Field(multiple_of=5)] = 5,
    i: Annotated[dict[str, int], Field(min_length=1)] = {},
    j: Annotated[int, Field(examples=[1, 2])] = 1,
    k: Annotated[int, Field(deprecated=True)] = 1,
    l: Annotated[int, Field(json_schema_extra={"x": 1})] = 1,
    m: Annotated[int, Field(alias="other")] = 1,
    n: Annotated[Union[int, str], Field(description="either")] = 1,
    o: Annotated[int, Field(default=3)] = 4,
    p: list[Annotated[int, Field(ge=0)]] = [],
    q: dict[str, Annotated[str, Field(max_length=3)]] = {},
):
    pass


@flow
def annotated_required(
    a: Annotated[int, Field(ge=1)],
    b: Annotated[int, Field(default=3)],
    c: Annotated[list[int], Field(default_factory=list)],
    d: Annotated[str, Field(description="text")],
    e: Annotated[Any, Field(description="anything")],
):
    pass


@flow
def assigned(
    a: str = Field(default="none", description="set as the default", max_length=8),
    b: int = Field(description="no default"),
    c: list[str] = Field(default_factory=list, description="by a factory"),
    d: int = Field(5),
    e: int = Field(..., description="required"),
    f: int = Field(1, title="Own title"),
    g: int = Field(1, ge=0, le=10),
    h: int = Field(1, json_schema_extra={"unit": "s"}),
    i: int = Field(1, json_schema_extra={"position": 99, "title": "x"}),
    j: int = Field(1, alias="jay"),
    k: int = Field(1, examples=[3]),
    l: Optional[int] = Field(None, description="maybe"),
    m: Annotated[int, Field(ge=1)] = Field(2, description="both"),
    n: str = pydantic.Field("x", description="qualified"),
    o: int = Field(default=...),
):
    pass


@flow
def constraints(
    a: Annotated[int, Ge(1), Le(9)],
    b: Annotated[float, Gt(0), Lt(1.5)],
    c: Annotated[str, MinLen(1), MaxLen(5)],
    d: Annotated[str, Len(1, 5)],
    e: Annotated[int, Interval(ge=1, lt=5)],
    f: Annotated[int, MultipleOf(2)],
    g: Annotated[str, StringConstraints(min_length=2, pattern="^x", strip_whitespace=True)],
    h: Annotated[list[int], Len(2)],
    i: Annotated[set[int], MinLen(1)],
    j: Annotated[tuple[int, ...], MaxLen(3)],
    k: Annotated[bytes, MaxLen(3)],
    l: Annotated[Decimal, Ge(1), Le(5)],
    m: Annotated[int, annotated_types.Gt(2)],
    n: Annotated[Decimal, Field(max_digits=5, decimal_places=2)],
    o: Annotated[Union[int, float], Ge(0)],
    p: Annotated[Union[int, str], Field(gt=3)],
    q: Annotated[Literal["a"], Field(description="lit")],
    r: Annotated[Any, Ge(1)],
):
    pass


@flow
def nested_annotated(
    a: Annotated[Annotated[int, Field(ge=1)], Field(le=5)] = 2,
    b: Annotated[int, Field(ge=1), Field(le=5, description="two")] = 2,
    c: list[Annotated[str, Field(description="item", min_length=1)]] = [],
    d: Optional[Annotated[str, Field(description="inner", examples=["a"])]] = None,
    e: Annotated[int | None, Field(ge=1, description="x")] = None,
    f: Union[Annotated[int, Field(ge=1)], Annotated[str, Field(min_length=1)]] = 1,
    g: Annotated[int, None] = 1,
    h: Annotated["int", Field(ge=2)] = 3,
    i: "Annotated[int, Field(ge=2)]" = 3,
    j: dict[str, Annotated[int, Field(ge=2, title="T", description="D")]] = {},
    k: tuple[Annotated[int, Field(ge=2)], str] = (2, "x"),
):
    pass
