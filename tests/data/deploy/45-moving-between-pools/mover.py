from prefect import flow


@flow
def c45_mover():
    pass
