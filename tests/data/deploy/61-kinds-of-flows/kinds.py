"""Flows of all kinds."""

import functools
import sys
from typing import Optional

import prefect
from prefect import flow
from prefect import flow as prefect_flow

from elsewhere import c61_elsewhere

VERSION = "2026"


@flow
async def c61_async(n: int = 1):
    """An async one."""


@flow
def c61_generator(n: int = 1):
    yield n


@flow(name="c61-Named Flow", version="v1", description="From the decorator", retries=2, log_prints=True)
def c61_function_name(n: int):
    """From the docstring."""


@flow()
def c61_called():
    """
    A docstring
      with an indented line.
    """


@prefect.flow(name="c61-qualified-name")
def c61_qualified(n: Optional[int] = None):
    pass


def c61_plain(n: int = 1):
    """No flow."""


c61_assigned = flow(c61_plain, name="c61-assigned")


@prefect_flow
def c61_renamed_import():
    pass


class Holder:
    @staticmethod
    @flow
    def c61_static(n: int = 1):
        pass


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@flow
@logged
def c61_twice(n: int = 1):
    """Wrapped."""


@flow(version=VERSION + ".1", name=f"c61-{VERSION}")
def c61_version():
    pass


if sys.version_info >= (3, 9):

    @flow
    def c61_conditional(n: int = 1):
        pass

else:

    @flow
    def c61_conditional(n: str = ""):
        pass


@flow
def c61_outer():
    @flow
    def c61_inner():
        pass

    c61_inner()
