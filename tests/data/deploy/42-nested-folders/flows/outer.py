from prefect import flow


@flow
def c42_outer():
    pass
