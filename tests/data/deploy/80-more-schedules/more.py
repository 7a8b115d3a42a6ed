from prefect import flow


@flow
def c80_more(n: int = 1):
    pass
