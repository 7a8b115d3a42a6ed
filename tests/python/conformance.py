"""The rules of tests/data/conformance against one endpoint, asked by boto3.

Usage: conformance.py ENDPOINT REGION RUN RULES.json [--jobs N] [--patience FACTOR] [--network]

Prints one JSON line per rule: {"name", "ok", "detail"}. What a rule file looks like is described in
tests/src/conformance, which reads the same files for aws-sdk-rust. botocore's own check of parameters is off, so that
wrong input reaches the server, and so are its retries.
"""

import argparse
import base64
import datetime
import hashlib
import json
import re
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

#: Pause between two tries of a step that may take a while.
PAUSE = 0.1


class Broken(Exception):
    """The server did not do what the rule says."""


def substitute(text, variables):
    def value(match):
        name = match.group(1)
        if name not in variables:
            raise Broken(f"nothing was saved as {name}")
        return variables[name]

    whole = re.fullmatch(r"\$\{([^}]+)\}", text)
    return value(whole) if whole else re.sub(r"\$\{([^}]+)\}", lambda match: str(value(match)), text)


def expand(template, variables):
    """The input a template stands for."""
    if isinstance(template, str):
        return substitute(template, variables)
    if isinstance(template, list):
        return [expand(item, variables) for item in template]
    if not isinstance(template, dict):
        return template
    if "$repeat" in template:
        return substitute(template["$repeat"], variables) * template["times"]
    if "$each" in template:
        return [expand(template["$each"], {**variables, "i": str(i)}) for i in range(template["times"])]
    if "$json" in template:
        return json.dumps(expand(template["$json"], variables), separators=(",", ":"))
    if "$binary" in template:
        return base64.b64decode(template["$binary"])
    return {key: expand(value, variables) for key, value in template.items()}


def match(pattern, value, variables, path):
    """Raises Broken where `value` is not what `pattern` says. A missing value is None."""
    if isinstance(pattern, dict) and any(key.startswith("$") for key in pattern):
        for key, argument in pattern.items():
            match_one(key, argument, value, variables, path)
    elif isinstance(pattern, dict):
        if not isinstance(value, dict):
            raise Broken(f"{path} is {shown(value)}, not an object")
        for key, part in pattern.items():
            match(part, value.get(key), variables, f"{path}.{key}")
    elif isinstance(pattern, list):
        if not isinstance(value, list) or len(value) != len(pattern):
            raise Broken(f"{path} is {shown(value)}, not a list of {len(pattern)}")
        for index, part in enumerate(pattern):
            match(part, value[index], variables, f"{path}[{index}]")
    else:
        wanted = expand(pattern, variables)
        if value != wanted or isinstance(value, bool) != isinstance(wanted, bool):
            raise Broken(f"{path} is {shown(value)}, not {shown(wanted)}")


def match_one(key, argument, value, variables, path):
    if key == "$any":
        require(value is not None, path, value, "present")
    elif key == "$none":
        require(value is None or value == [] or value == {}, path, value, "absent or empty")
    elif key == "$regex":
        wanted = expand(argument, variables)
        require(isinstance(value, str) and re.search(wanted, value), path, value, f"like {wanted}")
    elif key == "$len":
        require(isinstance(value, (list, str)) and len(value) == argument, path, value, f"of length {argument}")
    elif key == "$at_least":
        require(is_number(value) and value >= argument, path, value, f"at least {argument}")
    elif key == "$is":
        match(argument, value, variables, path)
    elif key == "$not":
        try:
            match(argument, value, variables, path)
        except Broken:
            return
        raise Broken(f"{path} is {shown(value)}, which it must not be")
    elif key == "$one_of":
        require(value in [expand(item, variables) for item in argument], path, value, f"one of {argument}")
    elif key == "$contains":
        require(isinstance(value, list), path, value, "a list")
        for part in argument:
            contains(part, value, variables, path)
    elif key == "$unordered":
        require(isinstance(value, list) and len(value) == len(argument), path, value, f"a list of {len(argument)}")
        for part in argument:
            contains(part, value, variables, path)
    elif key == "$json":
        try:
            parsed = json.loads(value)
        except (TypeError, ValueError):
            raise Broken(f"{path} is {shown(value)}, not JSON") from None
        match(argument, parsed, variables, path)
    elif key == "$save":
        variables[argument] = value
    else:
        raise ValueError(f"unknown matcher {key}")


def contains(part, value, variables, path):
    for item in value:
        try:
            match(part, item, variables, path)
            return
        except Broken:
            continue
    raise Broken(f"{path} is {shown(value)}, without {shown(part)}")


def require(condition, path, value, what):
    if not condition:
        raise Broken(f"{path} is {shown(value)}, not {what}")


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def shown(value):
    text = json.dumps(value, default=str)
    return text if len(text) <= 300 else f"{text[:300]}... ({len(text)} characters)"


def plain(value):
    """botocore's output as the wire had it."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return value


class Runner:
    def __init__(self, endpoint, region, run, patience, network):
        config = Config(
            region_name=region,
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            max_pool_connections=64,
            read_timeout=60,
        )
        keys = {"aws_access_key_id": "conformance", "aws_secret_access_key": "conformance"}
        session = boto3.session.Session(**keys)
        self.clients = {name: session.client(name, endpoint_url=endpoint, config=config) for name in ("sqs", "ecs")}
        self.run = run
        self.patience = patience
        self.network = {"subnet": "subnet-12345678", "security_group": "sg-12345678"}
        if network:
            ec2 = session.client("ec2", endpoint_url=endpoint, config=config)
            self.network["subnet"] = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
            self.network["security_group"] = ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"]

    def rule(self, rule, fixtures):
        steps = [step for name in rule.get("given", []) for step in fixtures[name]] + rule["steps"]
        for number, seconds in enumerate(rule.get("times", [0])):
            # Short, because queue names end at 80 characters.
            digest = hashlib.sha256(rule["name"].encode()).hexdigest()[:10]
            names = {"id": f"c{self.run}-{digest}{number}", "t": seconds, "t_text": str(seconds)}
            try:
                self.steps(steps, {**names, **self.network})
                return {"name": rule["name"], "ok": True, "detail": ""}
            except Broken as broken:
                detail = str(broken)
            except Exception as error:  # Whatever a client makes of an answer it can not read.
                detail = f"{type(error).__name__}: {error}"
        return {"name": rule["name"], "ok": False, "detail": detail}

    def steps(self, steps, variables):
        for number, step in enumerate(steps, 1):
            try:
                self.step(step, variables)
            except Broken as broken:
                raise Broken(f"step {number}, {step.get('call', 'sleep')}: {broken}") from None

    def step(self, step, variables):
        if "sleep" in step:
            time.sleep(expand(step["sleep"], variables))
            return
        deadline = time.monotonic() + step.get("within", 0) * self.patience
        first = None
        while True:
            try:
                return self.try_once(step, variables)
            except Broken as broken:
                # The first answer tells more than the last where looking changes what is seen.
                first = first or str(broken)
                if time.monotonic() >= deadline:
                    raise Broken(first) from None
                time.sleep(PAUSE)

    def try_once(self, step, variables):
        meanwhile, failed = None, []
        if "meanwhile" in step:
            own = dict(variables)

            def aside():
                try:
                    self.steps(step["meanwhile"], own)
                except Exception as error:
                    failed.append(error)

            meanwhile = threading.Thread(target=aside)
            meanwhile.start()
        started = time.monotonic()
        try:
            output, error = self.call(step["call"], expand(step.get("input", {}), variables)), None
        except ClientError as refused:
            output, error = None, refused.response
        took = time.monotonic() - started
        if meanwhile:
            meanwhile.join()
        if failed:
            raise Broken(f"meanwhile: {failed[0]}")
        if took < step.get("takes_at_least", 0):
            raise Broken(f"it took {took:.3f} s, less than {step['takes_at_least']}")
        if "error" in step:
            self.check_error(step["error"], output, error, variables)
        elif error:
            raise Broken(f"refused: {shown(error['Error'])}")
        else:
            match(step.get("output", {}), output, variables, "output")

    def check_error(self, expected, output, error, variables):
        wanted = expected["code"] if isinstance(expected["code"], list) else [expected["code"]]
        if error is None:
            raise Broken(f"accepted, not refused with {' or '.join(wanted)}: {shown(output)}")
        # For a service that once spoke the query protocol: the code of then, and the name in the service model.
        codes = [error["Error"].get("Code"), error["Error"].get("QueryErrorCode")]
        if not set(wanted) & set(codes):
            raise Broken(f"refused with {shown(error['Error'])}, not {' or '.join(wanted)}")
        if "query_code" in expected and codes[0] != expected["query_code"]:
            raise Broken(f"refused with code {codes[0]}, not {expected['query_code']}")
        match(expected.get("message", {"$any": True}), error["Error"].get("Message"), variables, "message")
        members = {key: plain(value) for key, value in error.items() if key not in ("Error", "ResponseMetadata")}
        match(expected.get("members", {}), members, variables, "error")

    def call(self, name, arguments):
        service, operation = name.split(".")
        return plain(self.clients[service]._make_api_call(operation, arguments))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("endpoint")
    arguments.add_argument("region")
    arguments.add_argument("run")
    arguments.add_argument("rules")
    arguments.add_argument("--jobs", type=int, default=16)
    arguments.add_argument("--patience", type=float, default=1.0, help="factor of every `within`")
    arguments.add_argument("--network", action="store_true", help="use a subnet that EC2 knows, not a made-up one")
    arguments = arguments.parse_args()
    with open(arguments.rules, encoding="utf-8") as file:
        document = json.load(file)
    runner = Runner(arguments.endpoint, arguments.region, arguments.run, arguments.patience, arguments.network)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        done = [pool.submit(runner.rule, rule, document["fixtures"]) for rule in document["rules"]]
        for future in as_completed(done):
            print(json.dumps(future.result()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
