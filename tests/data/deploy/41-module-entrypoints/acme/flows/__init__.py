from prefect import flow


@flow
def c41_of_the_package():
    pass
