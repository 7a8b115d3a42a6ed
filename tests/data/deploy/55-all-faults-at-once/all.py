from prefect import flow


@flow
def c55_all(n: int = 1):
    pass
