from prefect import flow


@flow
def c73_again(n: int = 1):
    """The first text."""
