from prefect import flow


@flow
def c63_guarded(n: int = 1):
    pass


if __name__ == "__main__":
    c63_guarded.serve(name="c63-served", cron="0 1 * * *", parameters={"n": 2})
