from prefect import flow

raise RuntimeError("not meant to be imported")


@flow
def never():
    pass
