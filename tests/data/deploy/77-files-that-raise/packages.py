import c77_not_installed as other
from prefect import flow


@flow
def c77_packages(needed: other.Kind, kind: "other.Kind" = None, known: other.Kind = other.DEFAULT):
    """Needs a package."""
