from prefect import flow

from acme.types import Mode


@flow(version="7")
def c41_load(mode: Mode = "full"):
    """Load it."""
