from __future__ import annotations

from typing import List

from pydantic import BaseModel, Field

from ..kinds import DEFAULT_KIND, Kind
from ..people import Customer as Buyer

DEFAULT = 3


class Line(BaseModel):
    sku: str
    count: int = Field(default=DEFAULT, ge=1)


class Order(BaseModel):
    id: int
    buyer: Buyer | None = None
    kind: Kind = DEFAULT_KIND
    lines: List[Line] = []
