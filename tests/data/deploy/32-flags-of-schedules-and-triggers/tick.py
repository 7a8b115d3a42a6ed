from prefect import flow


@flow
def c32_tick(n: int = 1):
    pass
