from typing import Optional

from prefect import flow


@flow
def c58_empty(n: Optional[int] = 1, text: str = "t", list: list = [1], map: dict = {"a": 1}):
    pass
