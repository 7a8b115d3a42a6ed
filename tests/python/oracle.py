"""What the real ECS worker does with a run, asked line by line.

Reads one JSON object per line from standard input and answers each with one line on standard output. The classes
driven are prefect's and prefect-aws's own (`ECSJobConfiguration.resolve_for_flow_run`, `ECSWorker.run`); only their
edges are replaced: the orchestration client by one that answers from the question, boto3's clients by ones that record
the request after botocore's own parameter validation, and the settings of the worker process by the question's. No
socket is ever opened and nothing sleeps.

Question (all keys but `template` and `flow_run` may be missing):

    template                  base job template; {} means the worker's own default
    deployment_job_variables  object or null
    flow_run_job_variables    object or null
    work_pool, deployment, flow, flow_run    {"id", "name"}; deployment may be null
    worker                    {"id", "name"}
    blocks                    [{"id", "type", "name", "data"}]
    variables                 {name: value}
    worker_environment        what the worker process's explicitly set Prefect settings would contribute
    process_environment       variables the worker process has (readable as `{{ $X }}`)
    existing_definitions      {arn or family: task definition} for DescribeTaskDefinition
    vpcs                      {vpc id: [subnet ids]}; the first one is the default VPC
    lenient_ec2               EC2 knows every VPC that is asked for, and every subnet is in it
    region                    of the clients

Answer: {"calls": [{"api", "request"}], "invalid": [{"api", "report"}], "beyond_enumerations": [path], "error":
{"type", "message"} | null, "schema_errors": [message]}. A request that boto3 would have refused is recorded all the same, with boto3's reasons in
`invalid`, and the worker goes on as if it had been sent: the comparison wants to see what was meant. Values outside an
enumeration of the service model are in `beyond_enumerations`: boto3 sends them, AWS refuses them. `schema_errors` is the
verdict of the Prefect server's validation of job variables, which the worker itself never asks for.

A line {"validate": [{"api", "request"}]} is answered with {"invalid": [...], "beyond_enumerations": [...]}: would boto3
send these, and would AWS take them?
"""

from __future__ import annotations

import asyncio
import copy
import functools
import json
import logging
import os
import sys
import traceback
import uuid
from types import SimpleNamespace

ANSWERS = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
os.dup2(2, 1)  # whatever a library prints must not be taken for an answer

# One attempt each: a refused request is refused for good here, and waiting proves nothing.
os.environ["PREFECT_INTEGRATIONS_AWS_ECS_WORKER_CREATE_TASK_RUN_MAX_ATTEMPTS"] = "1"
os.environ["PREFECT_INTEGRATIONS_AWS_ECS_WORKER_REGISTER_TASK_DEFINITION_MAX_ATTEMPTS"] = "1"

import botocore.session
import prefect
import prefect_aws
import prefect_aws.workers.ecs_worker as ecs_worker
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from prefect.client.schemas.objects import Flow, FlowRun, WorkPool
from prefect.exceptions import ObjectNotFound
from prefect.server import models
from prefect.utilities.schema_tools import validation as schema_validation
from prefect.server.api.validation import _validate_work_pool_job_variables
from prefect_aws.credentials import AwsCredentials

logging.disable(logging.CRITICAL)

ACCOUNT = "123456789012"
_BOTOCORE = botocore.session.Session()
_VALIDATOR = ParamValidator()


@functools.cache
def _service(name):
    return _BOTOCORE.get_service_model(name)


def _reports(service, api, request):
    """What botocore refuses before anything is sent."""
    shape = service.operation_model(api.removeprefix("ec2:")).input_shape
    report = _VALIDATOR.validate(request, shape)
    return [{"api": api, "report": report.generate_report()}] if report.has_errors() else []


def _beyond_enumerations(shape, value, path):
    """Paths of the values that no enumeration of the service model contains."""
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, member in shape.members.items():
            if name in value:
                yield from _beyond_enumerations(member, value[name], f"{path}.{name}")
    elif shape.type_name == "list" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _beyond_enumerations(shape.member, item, f"{path}[{index}]")
    elif shape.type_name == "string" and isinstance(value, str) and shape.enum and value not in shape.enum:
        yield f"{path}: {value!r}"


def _enumeration_reports(calls):
    return [
        line
        for call in calls
        if ":" not in call["api"]
        for line in _beyond_enumerations(
            _service("ecs").operation_model(call["api"]).input_shape, call["request"], call["api"]
        )
    ]


class AnySubnet(str):
    """A subnet that is whichever one is looked for."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True


class RecordingClient:
    """A boto3 client that notes a request, and what botocore has against it, and answers from the question."""

    def __init__(self, service, question, calls):
        self._service = _service(service)
        self._prefix = "" if service == "ecs" else f"{service}:"
        self._question = question
        self._calls = calls
        self.meta = SimpleNamespace(region_name=question.get("region") or "us-east-1")

    def _send(self, operation, request):
        _INVALID.extend(_reports(self._service, self._prefix + operation, request))
        self._calls.append({"api": self._prefix + operation, "request": copy.deepcopy(request)})

    def _refuse(self, operation, code, message):
        raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    def _vpcs(self):
        return self._question.get("vpcs") or {"vpc-1": ["subnet-1", "subnet-2"]}

    def register_task_definition(self, **request):
        self._send("RegisterTaskDefinition", request)
        arn = f"arn:aws:ecs:{self.meta.region_name}:{ACCOUNT}:task-definition/{request['family']}:1"
        return {"taskDefinition": {**copy.deepcopy(request), "taskDefinitionArn": arn, "status": "ACTIVE"}}

    def describe_task_definition(self, **request):
        self._send("DescribeTaskDefinition", request)
        known = self._question.get("existing_definitions") or {}
        if request["taskDefinition"] not in known:
            self._refuse("DescribeTaskDefinition", "ClientException", "Unable to describe task definition.")
        definition = copy.deepcopy(known[request["taskDefinition"]])
        return {"taskDefinition": {"taskDefinitionArn": request["taskDefinition"], "status": "ACTIVE", **definition}}

    def run_task(self, **request):
        self._send("RunTask", request)
        where = f"arn:aws:ecs:{self.meta.region_name}:{ACCOUNT}"
        return {"tasks": [{"taskArn": f"{where}:task/default/1", "clusterArn": f"{where}:cluster/default"}], "failures": []}

    def describe_vpcs(self, **request):
        self._send("DescribeVpcs", request)
        vpcs = list(self._vpcs())
        wanted = request.get("VpcIds", vpcs[:1])
        if self._question.get("lenient_ec2"):
            return {"Vpcs": [{"VpcId": vpc} for vpc in wanted]}
        return {"Vpcs": [{"VpcId": vpc} for vpc in vpcs if vpc in wanted]}

    def describe_subnets(self, **request):
        self._send("DescribeSubnets", request)
        vpcs = self._vpcs()
        if self._question.get("lenient_ec2"):
            return {"Subnets": [{"SubnetId": AnySubnet(subnet)} for subnet in ("subnet-1", "subnet-2")]}
        [wanted] = [values for f in request["Filters"] for values in f["Values"]]
        return {"Subnets": [{"SubnetId": subnet} for subnet in vpcs.get(wanted, [])]}


class InMemoryApi:
    """The four reads that `resolve_for_flow_run` makes of the Prefect API."""

    def __init__(self, question):
        self._question = question
        self._blocks = question.get("blocks") or []

    async def read_flow(self, flow_id):
        return Flow(id=flow_id, name=self._question["flow"]["name"], labels={})

    async def read_block_document_by_name(self, name, block_type_slug, include_secrets=True):
        return self._block(lambda b: b["name"] == name and b["type"] == block_type_slug)

    async def read_block_document(self, block_document_id, include_secrets=True):
        return self._block(lambda b: str(b["id"]) == str(block_document_id))

    def _block(self, matches):
        for block in self._blocks:
            if matches(block):
                return SimpleNamespace(data=copy.deepcopy(block["data"]))
        raise ObjectNotFound(http_exc=LookupError("404"))

    async def read_variable_by_name(self, name):
        variables = self._question.get("variables") or {}
        return SimpleNamespace(value=copy.deepcopy(variables[name])) if name in variables else None


# The settings object reads files every time it is made; they do not change here.
ecs_worker.EcsWorkerSettings = functools.cache(ecs_worker.EcsWorkerSettings)
# Runs `git` every time although only a development version needs its answer.
ecs_worker.get_prefect_image_name = functools.cache(ecs_worker.get_prefect_image_name)
# Logging is off, and with it the masking of what would be logged, which fails on values that are no text.
ecs_worker.mask_api_key = lambda request: request

_QUESTION = {}
_CALLS = []
_INVALID = []
AwsCredentials.get_client = lambda self, service: RecordingClient(
    service, {**_QUESTION, "region": self.region_name or _QUESTION.get("region")}, _CALLS
)
# The real one dumps every setting this process was started with, among them the test environment's own.
ecs_worker.BaseJobConfiguration._base_environment = classmethod(
    lambda cls: dict(_QUESTION.get("worker_environment") or {"PREFECT_API_URL": "http://127.0.0.1:4399/api"})
)


async def _read_block_document_by_id(session, block_document_id):
    for block in _QUESTION.get("blocks") or []:
        if str(block["id"]) == str(block_document_id):
            return SimpleNamespace(data=copy.deepcopy(block["data"]))
    return None


models.block_documents.read_block_document_by_id = _read_block_document_by_id

# Whether a schema is a schema takes 50 ms a time and has nothing to do with the defaults in it, which is all that
# differs between most questions; a verdict of "yes" is remembered for the schema without them.
_check_schema = schema_validation._VALIDATOR.check_schema
_VALID_SCHEMAS = set()


def _check_schema_once(schema, **options):
    properties = {
        name: {key: value for key, value in attrs.items() if key != "default"} if isinstance(attrs, dict) else attrs
        for name, attrs in schema.get("properties", {}).items()
    }
    key = json.dumps({**schema, "properties": properties}, sort_keys=True)
    if key not in _VALID_SCHEMAS:
        _check_schema(schema, **options)
        _VALID_SCHEMAS.add(key)


schema_validation._VALIDATOR.check_schema = _check_schema_once

# The server strips `required` from the same schema again for every default it looks at.
_remove_nested_keys = schema_validation.remove_nested_keys
_STRIPPED = {}


def _remove_nested_keys_once(keys, schema):
    if id(schema) not in _STRIPPED:
        _STRIPPED[id(schema)] = (schema, _remove_nested_keys(keys, schema))
    return _STRIPPED[id(schema)][1]


schema_validation.remove_nested_keys = _remove_nested_keys_once

_DEFAULT_TEMPLATE = ecs_worker.ECSWorker.get_default_base_job_template()


async def _submit(question):
    template = copy.deepcopy(question["template"]) or copy.deepcopy(_DEFAULT_TEMPLATE)
    deployment = question.get("deployment")
    worker_id = (question.get("worker") or {}).get("id") or "55555555-5555-5555-5555-555555555555"
    worker_name = (question.get("worker") or {}).get("name") or "w 1"
    pool = WorkPool(
        id=question["work_pool"]["id"],
        name=question["work_pool"]["name"],
        type="ecs",
        base_job_template=template,
        default_queue_id=uuid.UUID(int=0),
    )
    flow_run = FlowRun(
        id=question["flow_run"]["id"],
        name=question["flow_run"]["name"],
        flow_id=question["flow"]["id"],
        deployment_id=deployment and deployment["id"],
        job_variables=copy.deepcopy(question.get("flow_run_job_variables")),
    )
    configuration = await ecs_worker.ECSJobConfiguration.resolve_for_flow_run(
        flow_run,
        client=InMemoryApi(question),
        work_pool=pool,
        worker_name=worker_name,
        worker_id=uuid.UUID(worker_id),
        deployment=deployment
        and SimpleNamespace(
            id=uuid.UUID(deployment["id"]),
            name=deployment["name"],
            updated=None,
            job_variables=copy.deepcopy(question.get("deployment_job_variables")),
        ),
    )
    worker = _worker(question["work_pool"]["name"])
    worker._work_pool = pool
    await worker.run(flow_run, configuration)


@functools.lru_cache(maxsize=256)
def _worker(pool_name):
    return ecs_worker.ECSWorker(work_pool_name=pool_name, name="w 1")


async def _schema_errors(question):
    """The verdict of POST /deployments/{id}/create_flow_run on the same job variables."""
    try:
        await _validate_work_pool_job_variables(
            None,
            question["work_pool"]["name"],
            copy.deepcopy(question["template"]) or copy.deepcopy(_DEFAULT_TEMPLATE),
            copy.deepcopy(question.get("deployment_job_variables") or {}),
            copy.deepcopy(question.get("flow_run_job_variables") or {}),
            ignore_required=False,
            ignore_invalid_defaults=True,
        )
    except Exception as exc:  # noqa: BLE001 - any refusal is the answer
        return [str(getattr(exc, "detail", None) or exc)]
    return []


async def answer(question):
    _QUESTION.clear()
    _QUESTION.update(question)
    _CALLS.clear()
    _INVALID.clear()
    _STRIPPED.clear()
    ecs_worker._TASK_DEFINITION_CACHE.clear()
    planted = question.get("process_environment") or {}
    os.environ.update(planted)
    error = None
    try:
        await _submit(question)
    except Exception as exc:  # noqa: BLE001 - what the worker raises is the answer
        error = {"type": type(exc).__name__, "message": str(exc), "at": traceback.extract_tb(exc.__traceback__)[-1].name}
    finally:
        for name in planted:
            os.environ.pop(name, None)
    return {
        "calls": list(_CALLS),
        "invalid": list(_INVALID),
        "beyond_enumerations": _enumeration_reports(_CALLS),
        "error": error,
        "schema_errors": await _schema_errors(question),
    }


def validate(requests):
    return {
        "invalid": [report for r in requests for report in _reports(_service("ecs"), r["api"], r["request"])],
        "beyond_enumerations": _enumeration_reports(requests),
    }


async def main():
    hello = {
        "prefect": prefect.__version__,
        "prefect_aws": prefect_aws.__version__,
        "default_template": _DEFAULT_TEMPLATE,
        "default_image": ecs_worker.get_prefect_image_name(),
    }
    ANSWERS.write(json.dumps(hello) + "\n")
    for line in sys.stdin:
        question = json.loads(line)
        reply = validate(question["validate"]) if "validate" in question else await answer(question)
        ANSWERS.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
