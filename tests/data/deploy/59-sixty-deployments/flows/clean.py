from prefect import flow


@flow
def c59_clean(n: int = 0):
    """The flow clean."""
