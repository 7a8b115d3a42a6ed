from prefect import flow


@flow
def c34_load():
    pass


@flow
def c34_extract():
    pass
