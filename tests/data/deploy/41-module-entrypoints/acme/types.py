from typing import Literal

Mode = Literal["full", "delta"]
