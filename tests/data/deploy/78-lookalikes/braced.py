from prefect import flow


@flow
def c78_braced(text: str = "", map: dict = {}):
    pass
