import os

from prefect import flow

URL = os.environ["C77_NOT_SET"]


@flow
def c77_variable(n: int = 1, url: str = URL):
    """Needs a variable."""


@flow(version="7")
def c77_versioned(n: int = 1):
    """Needs a variable, too."""
