from prefect import flow


@flow
def c75_odd(n: int = 1):
    pass
