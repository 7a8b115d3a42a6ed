from prefect import flow


@flow
def c33_work(n: int = 1):
    """Work without a file."""
