"""Writes block-requests.json: the AWS requests of the ECSTask block's own code, for many configurations.

    DO_NOT_TRACK=1 HOME=$(mktemp -d) python block_requests.py > block-requests.json

Made with Python 3.11, prefect 2.20.26 and prefect-aws 0.4.20. The agent's own code applies the overrides and prepares the block for
a run. AWS is never called: botocore's `_make_api_call` is replaced by a function that writes down what it is asked.
"""

import asyncio
import json
import os
import uuid
import warnings
from types import SimpleNamespace as Thing

warnings.simplefilter("ignore")
for name in list(os.environ):
    if name.startswith("PREFECT_"):
        del os.environ[name]
os.environ.update(
    AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", AWS_DEFAULT_REGION="eu-west-1",
    PREFECT_API_URL="http://prefect.example.com:4200/api",
)

import botocore.client
import botocore.exceptions
import prefect.agent
from prefect_aws.ecs import ECSTask

HERE = os.path.dirname(os.path.abspath(__file__))
ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/reports:7"
ROLE = "arn:aws:iam::123456789012:role/"
NETWORK = "/networkConfiguration/awsvpcConfiguration"
SUBNETS = {"vpc-0default": ["subnet-0d1", "subnet-0d2"], "vpc-0blue": ["subnet-0b1", "subnet-0b2", "subnet-0b3"]}
CALLS = []


def answer(self, operation, parameters):
    service = self.meta.service_model
    botocore.validate.validate_parameters(parameters, service.operation_model(operation).input_shape)
    CALLS.append((operation, parameters))
    if operation == "DescribeTaskDefinition":
        if parameters["taskDefinition"] != ARN:
            raise botocore.exceptions.ClientError({"Error": {"Code": "ClientException"}}, operation)
        with open(os.path.join(HERE, "reports-7.json")) as file:
            return {"taskDefinition": json.load(file)}
    if operation == "RegisterTaskDefinition":
        arn = f"arn:aws:ecs:eu-west-1:123456789012:task-definition/{parameters['family']}:1"
        return {"taskDefinition": {**parameters, "taskDefinitionArn": arn}}
    if operation == "DescribeVpcs":
        return {"Vpcs": [{"VpcId": parameters.get("VpcIds", ["vpc-0default"])[0]}]}
    if operation == "DescribeSubnets":
        return {"Subnets": [{"SubnetId": it} for it in SUBNETS[parameters["Filters"][0]["Values"][0]]]}
    if operation == "RunTask":
        return {"tasks": [{"taskArn": "arn:task", "clusterArn": "arn:cluster"}]}
    if operation == "DescribeTasks":
        return {"tasks": [{"taskArn": "arn:task", "lastStatus": "RUNNING"}]}
    raise NotImplementedError(operation)


botocore.client.BaseClient._make_api_call = answer
prefect.agent.Block = Thing(_from_block_document=lambda document: ECSTask.parse_obj(document.data))
prefect.agent.BlockDocument = lambda **document: Thing(**document)


class Client:
    """What the agent asks a server for."""

    def __init__(self, data, overrides):
        self.data, self.overrides = data, overrides

    async def read_deployment(self, _):
        return Thing(name="prod eu", flow_id=None, infrastructure_document_id=uuid.uuid4(), job_variables=self.overrides, updated=None)

    async def read_flow(self, _):
        return Thing(name="nightly report")

    async def read_block_document(self, _):
        return Thing(dict=lambda: {"data": json.loads(json.dumps(self.data))})


def requests(data, overrides):
    CALLS.clear()
    agent = object.__new__(prefect.agent.PrefectAgent)
    agent.client = Client(data, overrides)
    run = Thing(id="33333333-3333-3333-3333-333333333333", name="quiet-otter", deployment_id=uuid.uuid4())
    try:
        task = asyncio.run(agent.get_infrastructure(run))
        session, client = task._get_session_and_client()
        task._create_task_and_wait_for_start(session, client)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
    kept = ("RegisterTaskDefinition", "RunTask")
    return {"calls": [{"api": name, "request": request} for name, request in CALLS if name in kept]}


def add(path, value, op="add"):
    return {"op": op, "path": path, "value": value}


IMAGE = {"image": "registry.example.com/etl:1"}
LITERAL = {
    "family": "Literal One", "cpu": "2048", "memory": "4096", "executionRoleArn": ROLE + "exec", "taskRoleArn": ROLE + "own",
    "volumes": [{"name": "data", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}],
    "containerDefinitions": [
        {"name": "prefect", "image": "registry.example.com/literal:1", "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
         "environment": [{"name": "MODE", "value": "literal"}, {"name": "TEMPLATE", "value": "{{ image }}"}],
         "secrets": [{"name": "DB", "valueFrom": "arn:aws:ssm:eu-west-1:123456789012:parameter/db"}]},
        {"name": "side", "image": "registry.example.com/side:1", "essential": False, "command": ["--template", "{{ cpu }}"]},
    ],
}
ON_EC2 = {
    "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
    "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/ec2:1", "memoryReservation": 512, "cpu": 256}],
}

# name, data of the block, overrides of the deployment
CONFIGURATIONS = [
    ("numbers as text", {**IMAGE, "cpu": "512", "memory": "1024"}, {}),
    ("roles, cluster and labels", {**IMAGE, "task_role_arn": ROLE + "task", "execution_role_arn": ROLE + "exec", "cluster": "prod", "labels": {"team": "data & ml", "empty": ""}}, {}),
    ("a command to quote", {**IMAGE, "command": ["sh", "-c", "echo \"it's\" $HOME && prefect flow-run execute"]}, {}),
    ("logs with a prefix of its own", {**IMAGE, "execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True, "cloudwatch_logs_options": {"awslogs-group": "etl", "awslogs-stream-prefix": "nightly"}}, {}),
    ("logs by stream_output, named", {**IMAGE, "execution_role_arn": ROLE + "exec", "stream_output": True, "name": "fixed"}, {}),
    ("a family to make legal", {**IMAGE, "family": "Café / Nightly.v2"}, {}),
    ("EC2", {**IMAGE, "launch_type": "EC2"}, {}),
    ("EC2 with sizes", {**IMAGE, "launch_type": "EC2", "cpu": 256, "memory": 512, "cluster": "machines"}, {}),
    ("EC2 with a definition", {"launch_type": "EC2", "task_definition": ON_EC2}, {}),
    ("EC2 with awsvpc", {"launch_type": "EC2", "task_definition": {**ON_EC2, "networkMode": "awsvpc"}, "vpc_id": "vpc-0blue"}, {}),
    ("EXTERNAL with a definition", {"launch_type": "EXTERNAL", "task_definition": {**ON_EC2, "requiresCompatibilities": ["EXTERNAL"]}, "cluster": "onprem"}, {}),
    ("no launch type, strategy by patch", {"launch_type": None, "task_definition": {**LITERAL, "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"]},
        "task_customizations": [add("/capacityProviderStrategy", [{"capacityProvider": "FARGATE_SPOT", "weight": 2}, {"capacityProvider": "FARGATE", "weight": 1}])]}, {}),
    ("no launch type, definition for EC2", {"launch_type": None, "task_definition": ON_EC2}, {}),
    ("strategy instead of the launch type", {**IMAGE, "task_customizations": [{"op": "remove", "path": "/launchType"}, add("/capacityProviderStrategy", [{"capacityProvider": "FARGATE_SPOT", "base": 1, "weight": 1}])]}, {}),
    ("a provider of one's own", {**IMAGE, "cpu": 512, "memory": 1024, "task_customizations": [{"op": "remove", "path": "/launchType"}, add("/capacityProviderStrategy", [{"capacityProvider": "machines", "weight": 1}])]}, {}),
    ("launch type EC2 by patch", {**IMAGE, "cpu": 512, "memory": 1024, "task_customizations": [add("/launchType", "EC2", "replace")]}, {}),
    ("subnets and groups without a VPC", {**IMAGE, "task_customizations": [add(NETWORK + "/subnets", ["subnet-1"]), add(NETWORK + "/securityGroups", ["sg-1"]), add(NETWORK + "/assignPublicIp", "DISABLED", "replace")]}, {}),
    ("one more subnet", {**IMAGE, "vpc_id": "vpc-0blue", "task_customizations": [add(NETWORK + "/subnets/-", "subnet-9"), {"op": "remove", "path": NETWORK + "/subnets/0"}]}, {}),
    ("the whole network", {**IMAGE, "task_customizations": [add("/networkConfiguration", {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}, "replace")]}, {}),
    ("tags and environment by patch", {**IMAGE, "labels": {"a": "1"}, "env": {"A": "1", "B": "2"}, "task_customizations": [
        add("/tags/-", {"key": "cost", "value": "47"}), add("/overrides/containerOverrides/0/environment/-", {"name": "C", "value": "3"})]}, {}),
    ("another container and files by patch", {"task_definition": LITERAL, "task_customizations": [
        add("/overrides/containerOverrides/-", {"name": "side", "environment": [{"name": "X", "value": "{{ env }}"}]}),
        add("/overrides/containerOverrides/0/environmentFiles", [{"value": "arn:aws:s3:::bucket/x.env", "type": "s3"}])]}, {}),
    ("sizes by patch", {**IMAGE, "cpu": 1024, "memory": 2048, "task_customizations": [add("/overrides/cpu", "2048", "replace"), add("/overrides/memory", "4096", "replace")]}, {}),
    ("many members by patch", {**IMAGE, "task_role_arn": ROLE + "task", "task_customizations": json.dumps([
        add("/platformVersion", "1.4.0"), add("/enableExecuteCommand", True), add("/propagateTags", "TASK_DEFINITION"), add("/group", "etl"),
        add("/referenceId", "x"), add("/enableECSManagedTags", True), add("/overrides/ephemeralStorage", {"sizeInGiB": 100})])}, {}),
    ("copied and moved by patch", {**IMAGE, "cluster": "a", "task_customizations": [
        {"op": "copy", "from": "/cluster", "path": "/group"}, {"op": "test", "path": "/cluster", "value": "a"}, add("/cluster", "b", "replace")]}, {}),
    ("command by patch", {**IMAGE, "task_customizations": [add("/overrides/containerOverrides/0/command", ["python", "-m", "prefect.engine"], "replace")]}, {}),
    ("a literal definition", {"task_definition": LITERAL}, {}),
    ("a literal definition with sizes and roles", {"task_definition": LITERAL, "cpu": 4096, "memory": 8192, "execution_role_arn": ROLE + "other", "task_role_arn": ROLE + "task", "family": "renamed"}, {}),
    ("a literal definition in words", {"task_definition": {**LITERAL, "cpu": "2 vCPU", "memory": "4 GB"}}, {}),
    ("a literal definition with logs", {"task_definition": LITERAL, "configure_cloudwatch_logs": True, "name": "fixed", "env": {"MODE": None, "NEW": "1"}}, {}),
    ("an existing definition as it is", {"task_definition_arn": ARN}, {}),
    ("an existing definition with other roles", {"task_definition_arn": ARN, "execution_role_arn": ROLE + "other", "task_role_arn": ROLE + "task", "env": {"NEW": "1"}}, {}),
    ("an existing definition with its own sizes", {"task_definition_arn": ARN, "cpu": 512, "memory": 1024}, {}),
    ("an existing definition with another image", {"task_definition_arn": ARN, "image": "registry.example.com/reports:9", "cpu": 1024, "memory": 2048}, {}),
    ("an existing definition without a variable", {"task_definition_arn": ARN, "env": {"OLD_FLAG": None}}, {}),
    ("an environment of odd texts", {**IMAGE, "env": {"EMPTY": "", "UNSET": None, "MUSTACHE": "{{ image }}/{{ $HOME }}", "N": 5, "Ü": "ß"}}, {}),
    # Overrides of a deployment.
    ("overrides by dots", {**IMAGE, "env": {"A": "1", "B": "2"}, "labels": {"x": "1"}}, {"env.A": "9", "env.C": 3, "labels.y": "2", "cpu": "2048", "memory": 4096}),
    ("environment and labels replaced", {**IMAGE, "env": {"A": "1", "B": "2"}, "labels": {"x": "1"}}, {"env": {"B": "3", "M": "{{ image }}"}, "labels": {"z": "3"}}),
    ("nulls in overrides", {**IMAGE, "cpu": 512, "memory": 1024, "cluster": "a", "env": {"A": "1"}}, {"cpu": None, "memory": None, "cluster": None, "env.A": None}),
    ("image null on a definition", {"task_definition": LITERAL, "image": "registry.example.com/literal:2"}, {"image": None}),
    ("sizes of the definition", {"task_definition": LITERAL}, {"task_definition.cpu": "4096", "task_definition.memory": "8192"}),
    ("an override into the definition", {"task_definition": LITERAL}, {"task_definition.ephemeralStorage": {"sizeInGiB": 40}, "env.MODE": None}),
    ("patches replaced", {**IMAGE, "task_role_arn": ROLE + "task", "vpc_id": "vpc-0blue", "task_customizations": [add(NETWORK + "/securityGroups", ["sg-1"])]}, {"task_customizations": [add("/enableExecuteCommand", True)], "cpu": 512, "memory": 1024}),
    ("patches as text", {**IMAGE}, {"task_customizations": json.dumps([add("/platformVersion", "LATEST")]), "launch_type": "FARGATE_SPOT"}),
    ("another launch type", {**IMAGE, "cpu": 512, "memory": 1024}, {"launch_type": "EC2", "cluster": "machines"}),
    ("another VPC", {**IMAGE}, {"vpc_id": "vpc-0blue", "command": ["python", "-m", "prefect.engine"]}),
    ("logs switched on", {**IMAGE, "execution_role_arn": ROLE + "exec"}, {"stream_output": True, "name": "by-hand", "cloudwatch_logs_options": {"awslogs-group": "x"}}),
    ("a definition overridden", {**IMAGE}, {"task_definition": LITERAL, "image": "registry.example.com/literal:3"}),
    ("another existing definition", {**IMAGE}, {"task_definition_arn": ARN, "image": None}),
    # What fails.
    ("a patch without its parent", {**IMAGE, "launch_type": "EC2", "task_customizations": [add(NETWORK + "/subnets", ["subnet-1"])]}, {}),
    ("a path through null", {**IMAGE}, {"task_definition.cpu": "1024"}),
    ("logs without a role", {**IMAGE, "configure_cloudwatch_logs": True}, {}),
    ("a label that is null", {**IMAGE}, {"labels": {"a": None}}),
    ("no number", {**IMAGE}, {"cpu": "2 vCPU"}),
    ("no launch type of ECS", {**IMAGE}, {"launch_type": "MOON"}),
]

def stored(data):
    """The document of a block as a server stores it: every field is there."""
    try:
        return json.loads(ECSTask.parse_obj(data).json())
    except ValueError:
        return {**json.loads(ECSTask().json()), **data}


table = []
for name, data, overrides in CONFIGURATIONS:
    data = stored(data)
    table.append({"name": name, "data": data, "overrides": overrides, **requests(data, overrides)})
print("[" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in table) + "]")
