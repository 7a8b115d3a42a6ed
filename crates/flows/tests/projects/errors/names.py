from prefect import flow


@flow(name="a/b")
def slashed():
    pass


@flow
def reserved(wait_for: list = []):
    pass


@flow
def hidden(_secret: str):
    pass
