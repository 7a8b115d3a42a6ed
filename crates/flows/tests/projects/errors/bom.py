from prefect import flow

@flow
def bom(): pass
