from prefect import flow


@flow
def c82_watch(n: int = 1):
    pass
