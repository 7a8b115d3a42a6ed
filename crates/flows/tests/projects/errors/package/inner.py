from prefect import flow


@flow
def nested_flow(a: int):
    pass
