from prefect import flow


@flow
def c47_out(tag: str = "", deep: dict = {}):
    pass
