from prefect import flow

x = (1,
