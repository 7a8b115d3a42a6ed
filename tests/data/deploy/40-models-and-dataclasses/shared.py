from enum import Enum

from pydantic import BaseModel


class Region(str, Enum):
    """Where things are."""

    EAST = "east"
    WEST = "west"


class Target(BaseModel):
    bucket: str
    region: Region = Region.EAST
