from prefect import flow


@flow
def c79_plain(a: dict = {}, s: str = "", l: list = []):
    pass
