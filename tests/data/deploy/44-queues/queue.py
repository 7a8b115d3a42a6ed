from prefect import flow


@flow
def c44_queue():
    pass
