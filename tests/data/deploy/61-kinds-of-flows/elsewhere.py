from prefect import flow


@flow(version="other")
def c61_elsewhere(n: float = 1.5):
    """Lives elsewhere."""
