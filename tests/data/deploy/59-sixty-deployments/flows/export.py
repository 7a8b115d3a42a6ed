from prefect import flow


@flow
def c59_export(n: int = 0):
    """The flow export."""
