"""Fills an empty Prefect 2.20 server (PREFECT_API_URL) with deployments of agents, one over each type of block.

Needs prefect 2.20 and prefect-aws 0.4. Usage: agents.py PROJECT, a directory with flows.py. All credentials are invented.
"""

import asyncio
import sys
import warnings

warnings.simplefilter("ignore")

from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import MinimalDeploymentSchedule
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule, RRuleSchedule
from prefect.deployments import Deployment
from prefect.filesystems import GCS, S3, Azure, GitHub, LocalFileSystem, RemoteFileSystem
from prefect.infrastructure import DockerContainer, KubernetesJob, Process
from prefect_aws import AwsCredentials, S3Bucket
from prefect_aws.ecs import ECSTask

PROJECT = sys.argv[1]
sys.path.insert(0, PROJECT)
import flows  # noqa: E402

NETWORK = "/networkConfiguration/awsvpcConfiguration/"


def cron(text, active=True, **more):
    return MinimalDeploymentSchedule(schedule=CronSchedule(cron=text, timezone="Europe/Berlin", **more), active=active)


async def pools():
    async with get_client() as client:
        post = client._client.post
        await post("/work_pools/", json={"name": "agents", "type": "prefect-agent", "concurrency_limit": 20})
        queues = [
            {"name": "urgent", "priority": 1, "concurrency_limit": 2},
            {"name": "bulk", "priority": 9, "is_paused": True, "description": "paused on purpose"},
        ]
        for queue in queues:
            (await post("/work_pools/agents/queues", json=queue)).raise_for_status()
        (await post("/work_queues/", json={"name": "plain", "concurrency_limit": 3})).raise_for_status()


def blocks():
    AwsCredentials(aws_access_key_id="<key>", aws_secret_access_key="<secret>", region_name="us-east-1").save("keys")
    keys = AwsCredentials.load("keys")
    ECSTask(image="registry.example.com/small:1", env={"STAGE": "small"}, cpu=256, memory=512, cluster="etl").save("plain")
    ECSTask(
        aws_credentials=keys,
        image="registry.example.com/etl:1",
        cpu=512,
        memory=1024,
        cluster="etl",
        launch_type="FARGATE_SPOT",
        env={"STAGE": "base"},
        labels={"team": "data"},
        task_customizations=[
            {"op": "add", "path": NETWORK + "subnets", "value": ["subnet-1"]},
            {"op": "replace", "path": NETWORK + "assignPublicIp", "value": "DISABLED"},
            {"op": "add", "path": "/overrides/ephemeralStorage", "value": {"sizeInGiB": 50}},
        ],
    ).save("patched")
    ECSTask(
        task_definition={
            "family": "literal",
            "cpu": "512",
            "memory": "1024",
            "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/literal:3"}],
        }
    ).save("literal")
    Process(env={"A": "1"}).save("process")
    DockerContainer(image="registry.example.com/docker:2", volumes=["/data:/data"]).save("docker")
    KubernetesJob(image="registry.example.com/k8s:5", namespace="flows").save("kubernetes")
    S3(bucket_path="bucket/flows", aws_access_key_id="<key>", aws_secret_access_key="<secret>").save("s3")
    S3Bucket(bucket_name="team-bucket", bucket_folder="code", credentials=keys).save("bucket")
    GitHub(repository="https://github.com/example-org/flows.git", reference="v2", access_token="<token>").save("github")
    RemoteFileSystem(basepath="s3://bucket/base", settings={"key": "<key>", "secret": "<secret>"}).save("remote")
    Azure(bucket_path="flows/prod", azure_storage_connection_string="<string>").save("azure")
    GCS(bucket_path="bucket/flows", project="p", service_account_info='{"private_key": "<key>"}').save("gcs")
    LocalFileSystem(basepath="/mnt/flows").save("local")


def deploy(name, infrastructure, storage=None, path=None, overrides=None, queue="urgent", **more):
    pool = None if queue == "plain" else "agents"
    deployment = Deployment.build_from_flow(
        flow=flows.quick,
        name=name,
        skip_upload=True,
        infrastructure=infrastructure,
        storage=storage,
        path=path,
        entrypoint="flows.py:quick",
        work_pool_name=pool,
        work_queue_name=queue,
        job_variables=overrides or {},
        **more,
    )
    return deployment.apply(upload=False)


def deployments():
    plain, patched = ECSTask.load("plain"), ECSTask.load("patched")
    deploy(
        "baked",
        plain,
        path=PROJECT,
        overrides={"env.STAGE": "prod", "cpu": 512, "memory": 1024},
        parameters={"x": 3},
        tags=["prod", "finance"],
        version="17",
        description="Runs from its image.",
        schedules=[cron("15 6 * * 1-5"), cron("15 6 * * 1-5", active=False), cron("0 12 13 * 5", day_or=False)],
    )
    deploy("whole-env", plain, path=PROJECT, overrides={"env": {"ONLY": "this"}}, queue="plain")
    deploy("literal", ECSTask.load("literal"), path=PROJECT, overrides={"task_definition.cpu": "256"})
    deploy("s3", patched, S3.load("s3"), "reports", schedules=[
        MinimalDeploymentSchedule(schedule=IntervalSchedule(interval=3600), active=False),
    ])
    deploy("s3-bucket", patched, S3Bucket.load("bucket"), "jobs")
    deploy("github", patched, GitHub.load("github"), queue="bulk", schedules=[
        MinimalDeploymentSchedule(schedule=RRuleSchedule(rrule="DTSTART:20240101T000000Z\nFREQ=MONTHLY;BYDAY=1MO"), active=True),
    ])
    deploy("remote", patched, RemoteFileSystem.load("remote"), "sweeps")
    deploy("azure", patched, Azure.load("azure"))
    deploy("gcs", patched, GCS.load("gcs"))
    deploy("local", patched, LocalFileSystem.load("local"))
    deploy("process", Process.load("process"), path=PROJECT)
    deploy("docker", DockerContainer.load("docker"), path=PROJECT)
    deploy("kubernetes", KubernetesJob.load("kubernetes"), path=PROJECT)


async def paused():
    async with get_client() as client:
        deployment = await client.read_deployment_by_name("quick/github")
        answer = await client._client.patch(f"/deployments/{deployment.id}", json={"paused": True})
        answer.raise_for_status()


asyncio.run(pools())
blocks()
deployments()
asyncio.run(paused())
