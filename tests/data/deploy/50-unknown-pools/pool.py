from prefect import flow


@flow
def c50_pool():
    pass
