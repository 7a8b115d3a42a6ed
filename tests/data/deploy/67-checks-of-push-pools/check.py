from prefect import flow


@flow
def c67_check():
    pass
