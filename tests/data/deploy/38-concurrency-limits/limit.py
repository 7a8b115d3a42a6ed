from prefect import flow


@flow
def c38_limit():
    pass
