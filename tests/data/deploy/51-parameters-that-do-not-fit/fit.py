from datetime import datetime
from enum import Enum
from typing import Any, List, Literal, Optional

from prefect import flow
from pydantic import BaseModel


class Region(str, Enum):
    EAST = "east"
    WEST = "west"


class Target(BaseModel):
    bucket: str
    region: Region = Region.EAST


@flow
def c51_fit(
    name: str,
    size: int = 1,
    names: List[str] = [],
    mode: Literal["full", "delta"] = "full",
    target: Optional[Target] = None,
    when: Optional[datetime] = None,
    ratio: float = 0.5,
    maybe: Optional[int] = 3,
):
    pass


@flow
def c51_open(x: Any, **others):
    pass
