from typing import Annotated, Generic, Literal, Self, TypeVar

from prefect import flow
from pydantic import BaseModel, Field

type Number = int | float
type Names = list[str]
type Limited = Annotated[int, Field(ge=1)]
type Tree = dict[str, Tree] | int
type Pair[T] = tuple[T, T]
type Plain = int
type Model = Item


class Item(BaseModel):
    n: Number = 1


class Box[T](BaseModel):
    content: T


class Node(BaseModel):
    next: Self | None = None
    children: list["Node"] = []


@flow
def aliases(a: Number, b: Names, c: Limited = 1, d: Number | None = None, e: list[Number] = []):
    pass


@flow
def single(a: Plain, b: Model, c: Pair[int]):
    pass


@flow
def recursive(a: Tree):
    pass


@flow
def generic(a: Box[int], b: Box[Item]):
    pass


@flow
def selves(a: Node):
    pass


@flow
def using(a: Item):
    pass
