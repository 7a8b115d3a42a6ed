"""What happens to quoted annotations when one of them cannot be evaluated."""

import typing
from typing import TYPE_CHECKING, List, Optional

import pydantic
from prefect import flow
from pydantic import BaseModel

if TYPE_CHECKING:
    from decimal import Decimal


class Model(BaseModel):
    n: int = 1
    later: "Optional[Later]" = None
    many: List["Later"] = []


@flow
def one_missing(a: "Missing", b: "int" = 1, c: "Optional[int]" = None, d: int = 2, e: "Model" = None):
    pass


@flow
def qualified(a: "Missing", b: "typing.Optional[int]" = None, c: "list[int]" = [], d: "pydantic.PositiveInt" = 1):
    pass


@flow
def returns(a: "Optional[int]" = None, b: Optional[int] = None) -> "Decimal":
    pass


@flow
def returns_known(a: "Optional[int]" = None) -> "Model":
    pass


@flow
def models(a: Model, b: "Model", c: "List[Model]"):
    pass


class Later(BaseModel):
    x: int = 2
