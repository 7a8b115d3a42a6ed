from prefect import flow


@flow
def c63_serve():
    pass


c63_serve.serve(name="c63-unguarded")
