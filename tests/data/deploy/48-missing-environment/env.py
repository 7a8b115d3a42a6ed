from prefect import flow


@flow
def c48_env(a: dict = {}):
    pass
