from prefect import flow


@flow
def c63_deploys():
    pass


def main():
    c63_deploys.from_source(source="https://git.test/x.git", entrypoint="deploys.py:c63_deploys").deploy(
        name="c63-deployed", work_pool_name="c63-pool"
    )


if __name__ == "__main__":
    main()
