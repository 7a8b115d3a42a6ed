from prefect import flow


@flow
def c68_fire(n: int = 1, nested: dict = {}):
    pass
