from prefect import flow


@flow
def c70_typed(area: int = 0, sides: dict = {}, first: int = 0, text: str = ""):
    pass
