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
import prefect_aws.ecs
from prefect_aws.ecs import ECSTask

HERE = os.path.dirname(os.path.abspath(__file__))
ARN = "arn:aws:ecs:eu-west-1:123456789012:task-definition/reports:7"
ROLE = "arn:aws:iam::123456789012:role/"
NETWORK = "/networkConfiguration/awsvpcConfiguration"
CONTAINER = "/overrides/containerOverrides/0"
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
# The block waits between two looks at a task.
prefect_aws.ecs.time = Thing(time=lambda: 0, sleep=lambda _: None)
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
    # Operations of patches.
    ("a test that holds", {**IMAGE, "cluster": "a", "task_customizations": [add("/cluster", "a", "test"), add(CONTAINER + "/name", "prefect", "test")]}, {}),
    ("a test that fails", {**IMAGE, "cluster": "a", "task_customizations": [add("/cluster", "b", "test")]}, {}),
    ("moved by patch", {**IMAGE, "cluster": "a", "task_customizations": [{"op": "move", "from": "/cluster", "path": "/group"}]}, {}),
    ("moved into the overrides", {**IMAGE, "cpu": 512, "memory": 1024, "task_customizations": [{"op": "move", "from": CONTAINER + "/memory", "path": CONTAINER + "/memoryReservation"}]}, {}),
    ("copied from the network", {**IMAGE, "task_customizations": [{"op": "copy", "from": NETWORK + "/subnets/0", "path": NETWORK + "/securityGroups/-"}, add(NETWORK + "/securityGroups/0", "sg-5", "replace")]}, {}),
    ("removed what is not there", {**IMAGE, "task_customizations": [{"op": "remove", "path": "/group"}]}, {}),
    ("replaced what is not there", {**IMAGE, "task_customizations": [add("/group", "x", "replace")]}, {}),
    ("added beyond the end", {**IMAGE, "task_customizations": [add("/tags/99", {"key": "a", "value": "b"})]}, {}),
    ("added into a text", {**IMAGE, "cluster": "a", "task_customizations": [add("/cluster/x", 1)]}, {}),
    ("a path without a slash", {**IMAGE, "task_customizations": [add("group", "x")]}, {}),
    ("a tag in front", {**IMAGE, "labels": {"a": "1"}, "task_customizations": [add("/tags/0", {"key": "first", "value": "1"})]}, {}),
    ("the first tag removed", {**IMAGE, "labels": {"a": "1"}, "task_customizations": [{"op": "remove", "path": "/tags/0"}]}, {}),
    ("all tags replaced", {**IMAGE, "labels": {"a": "1"}, "task_customizations": [add("/tags", [{"key": "only", "value": "this-that"}], "replace")]}, {}),
    ("no tags", {**IMAGE, "labels": {"a": "1"}, "task_customizations": [{"op": "remove", "path": "/tags"}]}, {}),
    ("the environment replaced", {**IMAGE, "env": {"A": "1"}, "task_customizations": [add(CONTAINER + "/environment", [{"name": "ONLY", "value": "this"}], "replace")]}, {}),
    ("the environment's last entry removed", {**IMAGE, "env": {"A": "1", "B": "2"}, "task_customizations": [{"op": "remove", "path": CONTAINER + "/environment/3"}]}, {}),
    ("a variable twice", {**IMAGE, "env": {"A": "1"}, "task_customizations": [add(CONTAINER + "/environment/-", {"name": "A", "value": "2"})]}, {}),
    ("the command removed", {**IMAGE, "task_customizations": [{"op": "remove", "path": CONTAINER + "/command"}]}, {}),
    ("the command longer", {**IMAGE, "task_customizations": [add(CONTAINER + "/command/-", "--verbose"), add(CONTAINER + "/command/0", "tini")]}, {}),
    ("the command empty by patch", {**IMAGE, "task_customizations": [add(CONTAINER + "/command", [], "replace")]}, {}),
    ("the container renamed by patch", {"task_definition": {**LITERAL, "containerDefinitions": [{"name": "app", "image": "registry.example.com/app:1"}]}, "task_customizations": [add(CONTAINER + "/name", "app", "replace")]}, {}),
    ("a soft limit of memory", {**IMAGE, "cpu": 512, "memory": 2048, "task_customizations": [add(CONTAINER + "/memoryReservation", 512), {"op": "remove", "path": CONTAINER + "/memory"}, {"op": "remove", "path": CONTAINER + "/cpu"}]}, {}),
    ("a container before", {"task_definition": LITERAL, "task_customizations": [add("/overrides/containerOverrides/0", {"name": "side", "cpu": 64})]}, {}),
    ("placement", {**IMAGE, "launch_type": "EC2", "cpu": 256, "memory": 512, "task_customizations": [add("/placementConstraints", [{"type": "memberOf", "expression": "attribute:gpu == true"}]), add("/placementStrategy", [{"type": "binpack", "field": "memory"}])]}, {}),
    ("a volume at launch", {"task_definition": {**LITERAL, "volumes": [{"name": "data", "configuredAtLaunch": True}]}, "task_customizations": [add("/volumeConfigurations", [{"name": "data", "managedEBSVolume": {"roleArn": ROLE + "ebs", "sizeInGiB": 20}}])]}, {}),
    ("one task", {**IMAGE, "task_customizations": [add("/count", 1)]}, {}),
    ("two tasks", {**IMAGE, "task_customizations": [add("/count", 2)]}, {}),
    ("a strategy beside the launch type", {**IMAGE, "task_customizations": [add("/capacityProviderStrategy", [{"capacityProvider": "FARGATE_SPOT", "weight": 1}])]}, {}),
    ("spot with a fallback", {**IMAGE, "launch_type": "FARGATE_SPOT", "cpu": 512, "memory": 1024, "task_customizations": [add("/capacityProviderStrategy/-", {"capacityProvider": "FARGATE", "weight": 1, "base": 1})]}, {}),
    ("spot heavier", {**IMAGE, "launch_type": "FARGATE_SPOT", "task_customizations": [add("/capacityProviderStrategy/0/weight", 3, "replace")]}, {}),
    ("neither launch type nor strategy", {**IMAGE, "task_customizations": [{"op": "remove", "path": "/launchType"}]}, {}),
    ("EC2 without a launch type by patch", {**IMAGE, "launch_type": "EC2", "cpu": 256, "memory": 512, "cluster": "machines", "task_customizations": [{"op": "remove", "path": "/launchType"}]}, {}),
    ("EC2 with a strategy by patch", {"launch_type": "EC2", "task_definition": ON_EC2, "task_customizations": [{"op": "remove", "path": "/launchType"}, add("/capacityProviderStrategy", [{"capacityProvider": "machines", "weight": 1}])]}, {}),
    ("EXTERNAL by patch", {"launch_type": "EC2", "cpu": 256, "memory": 512, "task_definition": {**ON_EC2, "requiresCompatibilities": ["EXTERNAL"]}, "task_customizations": [add("/launchType", "EXTERNAL", "replace")]}, {}),
    ("a network where there was none", {**IMAGE, "launch_type": "EC2", "cpu": 256, "memory": 512, "task_customizations": [add("/networkConfiguration", {"awsvpcConfiguration": {"subnets": ["subnet-3"]}})]}, {}),
    ("a network without its wrapper", {**IMAGE, "task_customizations": [add("/networkConfiguration", {"subnets": ["subnet-3"]}, "replace")]}, {}),
    ("no network", {**IMAGE, "launch_type": "EC2", "task_definition": {**ON_EC2, "networkMode": "awsvpc"}, "task_customizations": [{"op": "remove", "path": "/networkConfiguration"}]}, {}),
    ("network by single members", {**IMAGE, "vpc_id": "vpc-0blue", "task_customizations": [add(NETWORK + "/securityGroups/-", "sg-1"), add(NETWORK + "/securityGroups/-", "sg-2"), add(NETWORK + "/subnets/0", "subnet-7", "replace"), {"op": "remove", "path": NETWORK + "/assignPublicIp"}]}, {}),
    ("everything replaced", {**IMAGE, "task_customizations": [add("", {"taskDefinition": "x"}, "replace")]}, {}),
    ("another definition by patch", {**IMAGE, "task_customizations": [add("/taskDefinition", "other:3", "replace")]}, {}),
    ("roles by patch", {**IMAGE, "task_role_arn": ROLE + "task", "task_customizations": [add("/overrides/taskRoleArn", ROLE + "patched", "replace"), add("/overrides/executionRoleArn", ROLE + "exec")]}, {}),
    ("role removed by patch", {**IMAGE, "task_role_arn": ROLE + "task", "execution_role_arn": ROLE + "exec", "task_customizations": [{"op": "remove", "path": "/overrides/taskRoleArn"}, {"op": "remove", "path": "/overrides/executionRoleArn"}]}, {}),
    ("sizes by patch where there were none", {**IMAGE, "task_customizations": [add("/overrides/cpu", "2048"), add("/overrides/memory", "8192"), add(CONTAINER + "/cpu", 1024)]}, {}),
    ("a number where a text belongs", {**IMAGE, "task_customizations": [add("/overrides/cpu", 2048)]}, {}),
    ("started by another", {**IMAGE, "task_customizations": [add("/startedBy", "cron"), add("/clientToken", "x")]}, {}),
    ("a member that ECS does not have", {**IMAGE, "task_customizations": [add("/pools", 1)]}, {}),
    ("tags from the service", {**IMAGE, "task_customizations": [add("/propagateTags", "NONE"), add("/enableECSManagedTags", False), add("/enableExecuteCommand", False)]}, {}),
    # Definitions.
    ("an empty definition", {**IMAGE, "task_definition": {}}, {}),
    ("a definition without containers", {**IMAGE, "task_definition": {"cpu": "512", "memory": "1024", "containerDefinitions": []}}, {}),
    ("a definition of one member", {**IMAGE, "task_definition": {"runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"}}}, {}),
    ("a definition with ephemeral storage", {**IMAGE, "cpu": 1024, "memory": 2048, "task_definition": {"ephemeralStorage": {"sizeInGiB": 60}, "tags": [{"key": "a", "value": "b"}]}}, {}),
    ("numbers in a definition", {"task_definition": {**LITERAL, "cpu": 2048, "memory": 4096}}, {}),
    ("limits of the containers", {"task_definition": {**LITERAL, "containerDefinitions": [{**LITERAL["containerDefinitions"][0], "cpu": 1024, "memory": 2048, "memoryReservation": 1024}, LITERAL["containerDefinitions"][1]]}}, {}),
    ("limits of the containers and sizes", {"cpu": 2048, "memory": 4096, "task_definition": {**LITERAL, "containerDefinitions": [{**LITERAL["containerDefinitions"][0], "cpu": 1024, "memory": 2048}]}}, {}),
    ("host network", {"launch_type": "EC2", "task_definition": {**ON_EC2, "networkMode": "host", "pidMode": "task", "ipcMode": "none", "placementConstraints": [{"type": "memberOf", "expression": "attribute:x == y"}]}}, {}),
    ("bridge network on Fargate", {"task_definition": {**LITERAL, "networkMode": "bridge"}}, {}),
    ("a definition for both", {"task_definition": {**LITERAL, "requiresCompatibilities": ["EC2", "FARGATE"], "networkMode": "awsvpc"}}, {}),
    ("a definition for both on EC2", {"launch_type": "EC2", "task_definition": {**LITERAL, "requiresCompatibilities": ["EC2", "FARGATE"], "networkMode": "awsvpc"}}, {}),
    ("a definition for EC2 on Fargate", {"task_definition": {**LITERAL, "requiresCompatibilities": ["EC2"], "networkMode": "awsvpc"}}, {}),
    ("a command and an entry point of the definition", {"task_definition": {**LITERAL, "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/literal:1", "entryPoint": ["tini", "--"], "command": ["sleep", "1"], "workingDirectory": "/srv"}]}}, {}),
    ("logs of the definition", {"task_definition": {**LITERAL, "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/literal:1", "logConfiguration": {"logDriver": "awsfirelens", "options": {"Name": "datadog", "dd_service": "{{ flow }}"}}}, {"name": "router", "image": "registry.example.com/fluent:1", "firelensConfiguration": {"type": "fluentbit"}}]}}, {}),
    ("logs of the definition and of the block", {"execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True, "name": "fixed", "cloudwatch_logs_options": {"awslogs-group": "mine", "mode": "non-blocking", "max-buffer-size": "25m"}, "task_definition": {**LITERAL, "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/literal:1", "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "old"}}}]}}, {}),
    ("logs of the definition taken away by a deployment", {"execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True, "name": "fixed", "task_definition": LITERAL}, {"configure_cloudwatch_logs": False}),
    ("the flow's container is the second", {"task_definition": {**LITERAL, "containerDefinitions": list(reversed(LITERAL["containerDefinitions"]))}}, {}),
    ("no image for the flow's container", {**IMAGE, "task_definition": {**LITERAL, "containerDefinitions": [{"name": "prefect"}, LITERAL["containerDefinitions"][1]]}}, {}),
    ("health checks and order", {"task_definition": {**LITERAL, "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/literal:1", "dependsOn": [{"containerName": "db", "condition": "HEALTHY"}], "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 2048}], "linuxParameters": {"initProcessEnabled": True}, "stopTimeout": 120}, {"name": "db", "image": "registry.example.com/db:1", "healthCheck": {"command": ["CMD-SHELL", "true"]}, "environment": [{"name": "POSTGRES_PASSWORD", "value": "x"}], "portMappings": [{"containerPort": 5432}]}]}}, {}),
    ("a GPU", {"launch_type": "EC2", "task_definition": {**ON_EC2, "containerDefinitions": [{"name": "prefect", "image": "registry.example.com/gpu:1", "memory": 8192, "resourceRequirements": [{"type": "GPU", "value": "1"}]}]}}, {}),
    ("Windows", {"image": "registry.example.com/win:1", "cpu": 1024, "memory": 2048, "task_definition": {"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE", "cpuArchitecture": "X86_64"}}}, {}),
    ("the same variable in the definition and the block", {"task_definition": LITERAL, "env": {"MODE": "block"}}, {}),
    ("environment files of the definition", {"task_definition": {**LITERAL, "containerDefinitions": [{**LITERAL["containerDefinitions"][0], "environmentFiles": [{"value": "arn:aws:s3:::bucket/x.env", "type": "s3"}]}]}}, {}),
    # Existing definitions.
    ("an existing definition with a command and labels", {"task_definition_arn": ARN, "command": ["python", "x.py"], "labels": {"a": "1"}, "cluster": "c"}, {}),
    ("an existing definition with a family", {"task_definition_arn": ARN, "family": "mine"}, {}),
    ("an existing definition with logs", {"task_definition_arn": ARN, "configure_cloudwatch_logs": True, "name": "fixed"}, {}),
    ("an existing definition and a literal one", {"task_definition_arn": ARN, "task_definition": LITERAL}, {}),
    ("an existing definition on EC2", {"task_definition_arn": ARN, "launch_type": "EC2"}, {}),
    ("an existing definition without a launch type", {"task_definition_arn": ARN, "launch_type": None}, {}),
    ("an existing definition on Spot with a network", {"task_definition_arn": ARN, "launch_type": "FARGATE_SPOT", "task_customizations": [add(NETWORK + "/subnets", ["subnet-1"], "replace"), add(NETWORK + "/securityGroups/-", "sg-1")]}, {}),
    ("an existing definition in another VPC", {"task_definition_arn": ARN, "vpc_id": "vpc-0blue", "task_role_arn": ROLE + "t"}, {}),
    ("a definition that does not exist", {"task_definition_arn": "nothing:1"}, {}),
    ("an existing definition with an override of its image", {"task_definition_arn": ARN, "image": None}, {"image": "registry.example.com/reports:10"}),
    ("an existing definition with sizes of a deployment", {"task_definition_arn": ARN}, {"cpu": 4096, "memory": 8192, "env.STAGE": None}),
    # Overrides.
    ("environment empty", {**IMAGE, "env": {"A": "1"}}, {"env": {}}),
    ("environment null", {**IMAGE, "env": {"A": "1"}}, {"env": None}),
    ("labels null", {**IMAGE}, {"labels": None}),
    ("labels emptied", {**IMAGE, "labels": {"a": "1"}}, {"labels": {}}),
    ("a label that is a number", {**IMAGE, "labels": {"a": "1"}}, {"labels.b": 5, "labels.c": True}),
    ("log options by dots", {**IMAGE, "execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True, "cloudwatch_logs_options": {"awslogs-group": "a"}, "name": "fixed"}, {"cloudwatch_logs_options.awslogs-group": "b", "cloudwatch_logs_options.mode": "blocking"}),
    ("containers by override", {"task_definition": LITERAL, "image": None}, {"task_definition.containerDefinitions": [{"name": "prefect", "image": "registry.example.com/other:1"}]}),
    ("a path into a list", {"task_definition": LITERAL}, {"task_definition.containerDefinitions.0.image": "x"}),
    ("patches null", {**IMAGE, "task_customizations": [add("/group", "g")]}, {"task_customizations": None}),
    ("patches emptied", {**IMAGE, "task_customizations": [add("/group", "g")]}, {"task_customizations": []}),
    ("one patch", {**IMAGE}, {"task_customizations": add("/group", "g")}),
    ("patches by dots", {**IMAGE, "task_customizations": [add("/group", "g")]}, {"task_customizations.0.value": "x"}),
    ("texts emptied", {**IMAGE, "cluster": "c", "family": "f", "task_role_arn": ROLE + "t", "vpc_id": "vpc-0blue"}, {"cluster": "", "family": "", "task_role_arn": "", "vpc_id": ""}),
    ("image emptied", {**IMAGE}, {"image": ""}),
    ("cpu as a fraction", {**IMAGE, "cpu": 512, "memory": 1024}, {"cpu": 1024.0, "memory": 2048.0}),
    ("cpu with blanks", {**IMAGE, "cpu": 512, "memory": 1024}, {"cpu": " 1024 ", "memory": "2_048"}),
    ("cpu empty", {**IMAGE, "cpu": 512}, {"cpu": ""}),
    ("a flag as text", {**IMAGE, "execution_role_arn": ROLE + "exec"}, {"configure_cloudwatch_logs": "yes", "name": "x"}),
    ("a flag that is none", {**IMAGE}, {"configure_cloudwatch_logs": "maybe"}),
    ("fields that no block has", {**IMAGE}, {"working_dir": "/srv", "foo.bar": 1}),
    ("one field that no block has", {**IMAGE}, {"working_dir": "/srv"}),
    ("a list in the environment", {**IMAGE}, {"env.A": ["x"]}),
    ("kinds in the environment", {**IMAGE}, {"env.A": 1.5, "env.B": True, "env.C": False, "env.D": 1e20}),
    ("a command of numbers", {**IMAGE}, {"command": ["sleep", 5]}),
    ("a command emptied", {**IMAGE, "command": ["a"]}, {"command": []}),
    ("a command null", {**IMAGE, "command": ["a"]}, {"command": None}),
    ("launch type null", {**IMAGE, "task_definition": {**ON_EC2}}, {"launch_type": None}),
    ("launch type in small letters", {**IMAGE}, {"launch_type": "fargate"}),
    ("role null with logs", {**IMAGE, "execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True}, {"execution_role_arn": None}),
    ("definition null", {**IMAGE, "task_definition": LITERAL}, {"task_definition": None}),
    ("definition of another kind", {**IMAGE}, {"task_definition": "reports:7"}),
    ("definition as text", {**IMAGE}, {"task_definition": json.dumps(LITERAL)}),
    ("the definition's family and role", {"task_definition": LITERAL}, {"task_definition.family": "Other One", "task_definition.executionRoleArn": ROLE + "second", "task_definition.taskRoleArn": ROLE + "third"}),
    ("the definition's network", {"launch_type": "EC2", "task_definition": ON_EC2}, {"task_definition.networkMode": "awsvpc", "vpc_id": "vpc-0blue"}),
    ("region of the credentials", {**IMAGE, "execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True, "name": "fixed"}, {"aws_credentials.region_name": "us-west-2"}),
    ("credentials of a deployment", {**IMAGE}, {"aws_credentials": {"region_name": "us-west-2"}}),
    ("another type of block", {**IMAGE}, {"type": "docker-container"}),
    ("the name", {**IMAGE, "execution_role_arn": ROLE + "exec", "configure_cloudwatch_logs": True}, {"name": "Nightly Ö/1"}),
    ("timeouts", {**IMAGE}, {"task_start_timeout_seconds": "300", "task_watch_poll_interval": 0.5}),
    ("a timeout that is none", {**IMAGE}, {"task_start_timeout_seconds": "long"}),
    ("an environment as text", {**IMAGE}, {"env": '{"A": "1"}'}),
    ("an environment as a list", {**IMAGE}, {"env": ["A=1"]}),
    ("two overrides of one variable", {**IMAGE, "env": {"A": "1", "B": "2"}}, {"env": {"C": "3"}, "env.C": "4", "env.A": None}),
    # Variables that Prefect sets itself.
    ("the server's address of the block", {**IMAGE, "env": {"PREFECT_API_URL": "https://other.example.com/api"}}, {}),
    ("the server's address taken away", {**IMAGE, "env": {"PREFECT_API_URL": None}}, {}),
    ("another run", {**IMAGE, "env": {"PREFECT__FLOW_RUN_ID": "mine"}}, {}),
    ("labels of Prefect", {**IMAGE, "labels": {"prefect.io/flow-name": "mine", "prefect.io/team": "data"}}, {}),
    ("a label without a letter", {**IMAGE, "labels": {"&&": "x"}}, {}),
    ("a value without a letter", {**IMAGE, "labels": {"y": "&&", "a b": " c  d "}}, {}),
    ("settings of Prefect", {**IMAGE, "env": {"PREFECT_LOGGING_LEVEL": "DEBUG", "PREFECT_HOME": "/tmp/p", "EXTRA_PIP_PACKAGES": "pandas s3fs"}}, {}),
]

def stored(data):
    """The document of a block as a server stores it: every field is there."""
    try:
        return json.loads(ECSTask.parse_obj(data).json())
    except Exception:
        return {**json.loads(ECSTask().json()), **data}


table = []
for name, data, overrides in CONFIGURATIONS:
    data = stored(data)
    table.append({"name": name, "data": data, "overrides": overrides, **requests(data, overrides)})
print("[" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in table) + "]")
