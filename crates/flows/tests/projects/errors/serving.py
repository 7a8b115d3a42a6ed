from prefect import flow


def job(n: int = 1):
    print(n)


if __name__ == "__main__":
    flow(job).serve(name="local")
