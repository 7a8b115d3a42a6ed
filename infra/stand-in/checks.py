"""Holds the rules themselves: what AWS refuses is found, and what it takes is not.

    checks.py rules.json
"""

import json
import sys

import values

# A resource, some of its arguments, and words of what is found; none if AWS takes it.
CASES = [
    ("aws_security_group", {"description": "pushpool's functions"}, "does not take '"),
    ("aws_security_group", {"description": "Functions: out, and nothing in"}, None),
    ("aws_security_group", {"name": "sg-functions"}, "sg-functions"),
    ("aws_vpc_security_group_egress_rule", {"description": "To Müller"}, "does not take ü"),
    ("aws_sns_topic", {"kms_master_key_id": "alias/aws/sns"}, "repost.aws"),
    ("aws_sns_topic", {"kms_master_key_id": "alias/alarms"}, None),
    ("aws_scheduler_schedule", {"schedule_expression": "rat(1 minute)"}, "rat(1 minute)"),
    ("aws_scheduler_schedule", {"schedule_expression": "rate(1 minutes)"}, "rate(1 minutes)"),
    ("aws_scheduler_schedule", {"flexible_time_window": [{"mode": "MAYBE"}]}, "flexible_time_window[0].mode"),
    ("aws_lambda_function", {"architectures": ["arm46"]}, "x86_64, arm64"),
    ("aws_lambda_function", {"environment": [{"variables": {"1ST": "a"}}]}, "1ST"),
    ("aws_lambda_function", {"memory_size": 64}, "needs 128"),
    ("aws_lambda_function", {"reserved_concurrent_executions": -1}, None),
    ("aws_lambda_event_source_mapping", {"scaling_config": [{"maximum_concurrency": 1}]}, "needs 2"),
    ("aws_cloudwatch_metric_alarm", {"statistic": "p99"}, "SampleCount"),
    ("aws_cloudwatch_metric_alarm", {"period": 90}, "multiple of 60"),
    ("aws_cloudwatch_metric_alarm", {"period": 3600}, None),
    ("aws_cloudwatch_log_group", {"retention_in_days": 100}, "is 100"),
    ("aws_sqs_queue", {"visibility_timeout_seconds": 43201}, "43200 at most"),
    ("aws_sqs_queue", {"name": "pushpool.run"}, "pushpool.run"),
    ("aws_sqs_queue", {"redrive_policy": '{"maxReceiveCount": 1001}'}, "maxReceiveCount"),
    ("aws_sqs_queue", {"redrive_policy": "deadLetterTargetArn"}, "is not JSON"),
    ("aws_iam_role", {"description": "数据"}, "description"),
    ("aws_iam_role_policy", {"policy": '{"Statement": [{"Sid": "a-b", "Effect": "Allow"}]}'}, "Sid"),
    ("aws_iam_role_policy", {"policy": '{"Version": "' + 10240 * "1" + '"}'}, "10240 at most"),
    ("aws_db_instance", {"final_snapshot_identifier": "last--one"}, "last--one"),
    ("aws_lb", {"name": 33 * "a"}, "32 at most"),
    ("aws_ecs_cluster", {"setting": [{"name": "containerInsights", "value": "on"}]}, "enhanced"),
    ("aws_ecs_cluster", {"setting": [{"name": "containerinsights"}]}, "setting[0].name"),
    ("aws_ecs_task_definition", {"container_definitions": '[{"name": "a", "portmappings": []}]'}, "portmappings is not a field"),
    ("aws_ecs_task_definition", {"container_definitions": '[{"name": "a", "essential": "yes"}]'}, "essential has to be a truth"),
    ("aws_ecs_task_definition", {"container_definitions": '[{"name": "a", "essential": true}]'}, None),
    # What a mock makes up stands for a real ARN, and what is not known yet is nothing to check.
    ("aws_lambda_function", {"role": "a1b2c3d4"}, None),
    ("aws_lambda_function", {"role": values.UNKNOWN, "layers": []}, None),
    ("aws_lambda_function", {"role": "admin"}, "role"),
]


def main(path):
    with open(path, encoding="utf-8") as file:
        rules = json.load(file)
    wrong = []
    for resource, config, words in CASES:
        found = list(values.check(rules[resource], config, ""))
        if bool(found) != bool(words) or (words and words not in found[0]):
            wrong.append(f"{resource} {config}: expected {words!r}, found {found}")
    unruled = list(values.unruled(rules["aws_sqs_queue"], {"name": "a", "brand_new": 1, "tags": {}}, ""))
    if unruled != ["brand_new"]:
        wrong.append(f"an argument without a rule: {unruled}")
    if wrong:
        sys.exit("rules of the stand-in:\n  " + "\n  ".join(wrong))
    print(f"rules of the stand-in: {len(CASES) + 1} passed, 0 failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
