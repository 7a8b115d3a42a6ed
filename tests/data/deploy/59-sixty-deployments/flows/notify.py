from prefect import flow


@flow
def c59_notify(n: int = 0):
    """The flow notify."""
