from prefect import flow


@flow
def c36_clock(n: int = 1):
    pass
