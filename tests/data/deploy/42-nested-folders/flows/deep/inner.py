from prefect import flow


@flow
def c42_inner():
    pass
