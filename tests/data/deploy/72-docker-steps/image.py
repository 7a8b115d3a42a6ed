from prefect import flow


@flow
def c72_image():
    pass
