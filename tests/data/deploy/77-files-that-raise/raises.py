from prefect import flow


@flow
def c77_raises(n: int = 1):
    """Cannot be imported at all."""


raise RuntimeError("no database here")
