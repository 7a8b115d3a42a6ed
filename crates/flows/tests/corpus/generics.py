from typing import Annotated, Dict, Generic, List, Optional, TypeVar, Union

from prefect import flow
from pydantic import BaseModel, Field, RootModel

T = TypeVar("T")
K = TypeVar("K", bound=str)
V = TypeVar("V", int, str)


class Item(BaseModel):
    n: int = 1


class Page(BaseModel, Generic[T]):
    """A page of results."""

    items: List[T]
    total: int = 0
    next: Optional["Page[T]"] = None


class Two(BaseModel, Generic[K, V]):
    key: K
    value: V
    both: Dict[K, V] = {}


class IntPage(Page[int]):
    extra: bool = True


class Forwarding(Page[T], Generic[T]):
    more: Union[T, None] = None


class Bounded(BaseModel, Generic[V]):
    value: V


class Numbers(RootModel[List[int]]):
    """Numbers."""


@flow
def applied(a: Page[int], b: Page[Item], c: Optional[Page[str]] = None):
    pass


@flow
def bare(a: Page, b: Two, c: Bounded):
    pass


@flow
def two(a: Two[str, int]):
    pass


@flow
def inherited(a: IntPage, b: Forwarding[int]):
    pass


@flow
def complicated(a: Page[List[int]], b: Page[Optional[int]]):
    pass


@flow
def roots(a: Numbers, b: List[Numbers] = []):
    pass
