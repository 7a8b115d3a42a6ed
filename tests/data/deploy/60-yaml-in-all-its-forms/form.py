from typing import Any

from prefect import flow


@flow
def c60_form(a: Any = None, b: Any = None):
    pass
