from prefect import flow


@flow
def c49_var(a: str = ""):
    pass
