from prefect import flow


@flow
def c52_var():
    pass
