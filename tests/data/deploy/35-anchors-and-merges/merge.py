from prefect import flow


@flow
def c35_merge(who: str = "", again: str = ""):
    pass
