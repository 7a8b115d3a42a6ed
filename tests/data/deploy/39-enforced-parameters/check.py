from prefect import flow


@flow
def c39_check(n: int, word: str = "w"):
    pass
