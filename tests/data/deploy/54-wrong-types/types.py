from prefect import flow


@flow
def c54_types(n: int = 1):
    pass
