from prefect import flow


@flow
def c59_report(n: int = 0):
    """The flow report."""
