from prefect import flow


@flow
def c53_keys():
    pass
