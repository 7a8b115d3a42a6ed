from prefect import flow


@flow
def c56_ctx(text: str = ""):
    pass
