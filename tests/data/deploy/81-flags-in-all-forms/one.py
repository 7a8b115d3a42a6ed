from prefect import flow


@flow
def c81_one(n: int = 1, text: str = "x", d: dict = {}, flag: bool = False):
    pass
