"""The AWS side of `it/pools.rs`, on an emulator that checks signatures: `prepare`, later `events`. Prints JSON."""

import json
import sys
import urllib.request

import boto3

command, endpoint, region = sys.argv[1:4]


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name=region, aws_access_key_id="operator", aws_secret_access_key="operator"
    )


def check_from_action(number):
    """moto checks keys, signatures and policies of every action after the first `number`."""
    plain = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", number.encode(), plain)
    urllib.request.urlopen(request).close()


def prepare():
    documents = json.loads(sys.argv[4])
    ssm, s3, sqs, events, iam, sts = (client(name) for name in ("ssm", "s3", "sqs", "events", "iam", "sts"))

    for name, document in documents["parameters"].items():
        ssm.put_parameter(Name=name, Value=document, Type="SecureString")
    for bucket in documents["buckets"]:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
        for key, document in documents["objects"].items():
            s3.put_object(Bucket=bucket, Key=key, Body=document.encode())

    queue = sqs.create_queue(QueueName="outcomes")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.create_event_bus(Name="outcomes")
    events.put_rule(Name="all", EventBusName="outcomes", EventPattern=json.dumps({"source": [{"prefix": ""}]}))
    events.put_targets(Rule="all", EventBusName="outcomes", Targets=[{"Id": "queue", "Arn": arn}])

    # The permissions of a dispatcher, as far as these calls need them.
    may = ["ssm:GetParameter", "s3:GetObject", "events:PutEvents"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    grant = {"Effect": "Allow", "Action": may, "Resource": "*"}
    version = "2012-10-17"
    role = iam.create_role(
        RoleName="dispatcher", AssumeRolePolicyDocument=json.dumps({"Version": version, "Statement": [trust]})
    )["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="dispatcher",
        PolicyName="calls",
        PolicyDocument=json.dumps({"Version": version, "Statement": [grant]}),
    )
    keys = sts.assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    check_from_action("0")
    print(json.dumps([keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], queue]))


def events():
    check_from_action("inf")
    messages = client("sqs").receive_message(QueueUrl=sys.argv[4], MaxNumberOfMessages=10).get("Messages", [])
    print(json.dumps([json.loads(message["Body"]) for message in messages]))


{"prepare": prepare, "events": events}[command]()
