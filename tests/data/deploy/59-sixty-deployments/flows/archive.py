from prefect import flow


@flow
def c59_archive(n: int = 0):
    """The flow archive."""
