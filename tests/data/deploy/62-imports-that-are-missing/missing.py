import c62_not_installed
from c62_not_installed.frames import DataFrame
from prefect import flow


@flow
def c62_unused(day: str, rows: int = 10, note: "str | None" = None):
    """Reads a frame."""
    return DataFrame(day)


@flow(name="c62-named", description="Said in the decorator", version="9")
def c62_named(names: list[str] = ["a"], *, strict: bool = False):
    pass
