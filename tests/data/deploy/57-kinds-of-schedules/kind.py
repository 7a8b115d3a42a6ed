from prefect import flow


@flow
def c57_kind(n: int = 1):
    pass
