from prefect import flow


@flow
def c59_load(n: int = 0):
    """The flow load."""
