from prefect import flow

@flow
def indented():
pass
