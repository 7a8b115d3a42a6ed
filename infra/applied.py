"""Writes what `terraform test -json -verbose` made of each run of a test file: INTO/RUN.json, for tests that need no Terraform.

Standard input is Terraform's stream. Of each resource that means something on the wire the members are kept that say what; what a
mocked provider invented for ARNs and URLs is replaced by what AWS gives, which follows from the names, and what else it invented
goes.
"""

import json
import pathlib
import re
import sys

ACCOUNT, REGION = "111122223333", "eu-central-1"

# Members that are kept, and what AWS makes of a member that a provider only knows afterwards.
KEPT = {
    "aws_sqs_queue": (
        "name fifo_queue deduplication_scope fifo_throughput_limit visibility_timeout_seconds message_retention_seconds "
        "receive_wait_time_seconds redrive_policy arn url",
        {"arn": "arn:aws:sqs:{region}:{account}:{name}", "url": "https://sqs.{region}.amazonaws.com/{account}/{name}"},
    ),
    "aws_sqs_queue_redrive_allow_policy": ("queue_url redrive_allow_policy", {}),
    "aws_sqs_queue_policy": ("queue_url policy", {}),
    "aws_lambda_function": (
        "function_name role architectures memory_size timeout reserved_concurrent_executions environment arn",
        {"arn": "arn:aws:lambda:{region}:{account}:function:{function_name}"},
    ),
    "aws_lambda_event_source_mapping": (
        "event_source_arn function_name batch_size maximum_batching_window_in_seconds function_response_types scaling_config",
        {},
    ),
    "aws_lambda_function_url": ("function_name authorization_type", {}),
    "aws_lambda_permission": ("function_name principal action function_url_auth_type invoked_via_function_url", {}),
    "aws_lambda_function_event_invoke_config": ("function_name maximum_event_age_in_seconds maximum_retry_attempts", {}),
    "aws_scheduler_schedule": ("name schedule_expression state target", {}),
    "aws_cloudwatch_event_rule": (
        "name event_pattern state arn",
        {"arn": "arn:aws:events:{region}:{account}:rule/{name}"},
    ),
    "aws_cloudwatch_event_target": ("rule arn input input_path input_transformer dead_letter_config", {}),
    "aws_cloudwatch_log_group": ("name arn", {"arn": "arn:aws:logs:{region}:{account}:log-group:{name}"}),
    "aws_iam_role": ("name assume_role_policy arn", {"arn": "arn:aws:iam::{account}:role/{name}"}),
    "aws_iam_role_policy": ("role policy", {}),
    "aws_ssm_parameter": ("name type value", {}),
}


# What a mocked provider invents for a string that nobody set. Names have dashes here, and other members no such values.
INVENTED = re.compile("[a-z0-9]{8}")


def resources(module):
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def read(text):
    """JSON in a string, as the JSON that it is: so that a difference can be read."""
    if isinstance(text, dict):
        return {name: read(value) for name, value in text.items()}
    if isinstance(text, list):
        return [read(value) for value in text]
    if isinstance(text, str) and text.startswith("{"):
        return json.loads(text)
    return text


def applied(state):
    found = [it for it in resources(state["root_module"]) if it["type"] in KEPT]
    known = {
        it["values"][member]: form.format(**it["values"] | {"account": ACCOUNT, "region": REGION})
        for it in found
        for member, form in KEPT[it["type"]][1].items()
    }

    def named(text):
        if isinstance(text, dict):
            return {name: named(value) for name, value in text.items()}
        if isinstance(text, list):
            return [named(value) for value in text]
        if isinstance(text, str):
            for invented, arn in known.items():
                text = text.replace(invented, arn)
        return text

    def keep(it):
        members = {member: named(it["values"].get(member)) for member in KEPT[it["type"]][0].split()}
        absent = lambda value: value in (None, "", []) or isinstance(value, str) and INVENTED.fullmatch(value)
        return {member: value for member, value in members.items() if not absent(value)}

    kept = {}
    for it in found:
        kept.setdefault(it["type"], {})[it["address"]] = keep(it)
    outputs = {name: it["value"] for name, it in state["outputs"].items() if name.startswith("pool")}
    return read({"resources": kept, "outputs": outputs})


def main(into):
    for line in sys.stdin:
        message = json.loads(line)
        if message["type"] == "diagnostic" and message["diagnostic"]["severity"] == "error":
            sys.exit(message["diagnostic"]["summary"] + "\n" + message["diagnostic"]["detail"])
        if message["type"] == "test_state":
            to = into / f"{message['@testrun']}.json"
            text = json.dumps(applied(message["test_state"]), indent=2, sort_keys=True)
            to.write_text(text + "\n")


main(pathlib.Path(sys.argv[1]))
