from prefect import flow


@flow
def c37_hold():
    pass
