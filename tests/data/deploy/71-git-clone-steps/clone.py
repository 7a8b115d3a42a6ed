from prefect import flow


@flow
def c71_clone():
    pass
