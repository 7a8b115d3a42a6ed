from prefect import flow


@flow
def c64_dry():
    pass
