from enum import Enum


class Kind(Enum):
    SMALL = "s"
    BIG = "b"


DEFAULT_KIND = Kind.SMALL
