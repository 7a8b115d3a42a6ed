from prefect import flow


@flow
def c74_typed(a: dict = {}, n: int = 0):
    pass
