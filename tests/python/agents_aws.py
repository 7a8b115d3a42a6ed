"""Blocks that name what only an AWS account knows: an existing task definition, and VPCs.

Usage: agents_aws.py PROJECT ENDPOINT, with PREFECT_API_URL at an empty Prefect 2.20 server and moto at the endpoint. Prints the
subnets of the VPC that a block names, and those of the account's default VPC.
"""

import json
import sys
import warnings

warnings.simplefilter("ignore")

import boto3
from prefect.deployments import Deployment
from prefect_aws.ecs import ECSTask

PROJECT, ENDPOINT = sys.argv[1:]
sys.path.insert(0, PROJECT)
import flows  # noqa: E402


def client(service):
    keys = {"aws_access_key_id": "loopback", "aws_secret_access_key": "loopback"}
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", **keys)


def subnets_of(vpc):
    found = ec2.describe_subnets(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["Subnets"]
    return [subnet["SubnetId"] for subnet in found]


def deploy(name, infrastructure):
    infrastructure.save(name)
    Deployment.build_from_flow(
        flow=flows.quick,
        name=name,
        skip_upload=True,
        infrastructure=ECSTask.load(name),
        path=PROJECT,
        entrypoint="flows.py:quick",
    ).apply(upload=False)


ec2, ecs = client("ec2"), client("ecs")
vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.1.0/24")
default = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
ecs.register_task_definition(
    family="etl",
    networkMode="awsvpc",
    requiresCompatibilities=["FARGATE"],
    cpu="1024",
    memory="2048",
    containerDefinitions=[{"name": "prefect", "image": "registry.example.com/etl:7", "essential": True}],
)

deploy("existing", ECSTask(task_definition_arn="etl", image=None, env={"STAGE": "prod"}, vpc_id=vpc))
deploy("changed", ECSTask(task_definition_arn="etl", image="registry.example.com/etl:8"))
deploy("unknown", ECSTask(task_definition_arn="gone", image="registry.example.com/etl:8"))
print(json.dumps({"named": subnets_of(vpc), "default": subnets_of(default)}))
