from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from prefect import flow

if TYPE_CHECKING:
    from decimal import Decimal


@flow
def later(a: Later, b: Optional[Later] = None, c: list[Later] = []):
    pass


@dataclass
class Later:
    x: int
    next: Optional[Later] = None


@flow
def checking(a: Decimal, b: int = 1, c: "str" = "x"):
    pass


@flow
def undefined(a: Missing, b: int = 1, c: Optional[int] = None, d: list[int] = []):
    pass


@flow
def simple(a: int, b: str | None = None, *args: int, **kwargs: list[str]):
    pass
