from prefect import flow


@flow
def c46_type():
    pass
