"""An installation as the Terraform module makes it, in an emulator of AWS; and what can be wrong with one.

`installation.py ENDPOINT PREFIX API_URL make` makes it and prints the ids of its subnets;
`installation.py ENDPOINT PREFIX API_URL break` spoils what a doctor has to find.
"""

import io
import json
import sys
import zipfile

import boto3

endpoint, prefix, api_url, what = sys.argv[1:]


def client(service):
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="emulated",
        aws_secret_access_key="emulated",
    )


sqs, functions, iam, ec2, ecs = map(client, ["sqs", "lambda", "iam", "ec2", "ecs"])

TIMEOUT = 30
FEEDS = {"poll": "poller", "run": "dispatcher", "run.fifo": "dispatcher", "events": "observer"}


def name_of(queue, dead=False):
    base, dot, fifo = queue.partition(".")
    return f"{prefix}-{base}{'-dlq' if dead else ''}{dot}{fifo}"


def arn_of(url):
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def queue(name, **attributes):
    if name.endswith(".fifo"):
        attributes["FifoQueue"] = "true"
    return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def make():
    urls = {}
    for each in FEEDS:
        dead = queue(name_of(each, dead=True))
        policy = json.dumps({"deadLetterTargetArn": arn_of(dead), "maxReceiveCount": 5})
        urls[each] = queue(name_of(each), VisibilityTimeout=str(6 * TIMEOUT), RedrivePolicy=policy)

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24")["Subnet"]["SubnetId"] for number in range(2)
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=address)["NatGateway"]["NatGatewayId"]
    tables = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_route(
        RouteTableId=tables[0]["RouteTableId"], DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat
    )
    cluster = ecs.create_cluster(clusterName=prefix)["cluster"]["clusterArn"]

    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "x")
    told = {
        "PREFECT_API_URL": api_url,
        "PUSHPOOL_POLL_QUEUE_URL": urls["poll"],
        "PUSHPOOL_RUN_QUEUE_URL": urls["run"],
        "PUSHPOOL_RUN_FIFO_QUEUE_URL": urls["run.fifo"],
        "PUSHPOOL_EVENTS_QUEUE_URL": urls["events"],
        "PUSHPOOL_POOLS": "by-name, gone",
        "PUSHPOOL_CLUSTERS": cluster,
        "PUSHPOOL_SUBNETS": ",".join(subnets),
        "PUSHPOOL_ASSIGN_PUBLIC_IP": "false",
    }
    for function in ["poller", "dispatcher", "observer", "reconciler"]:
        role = iam.create_role(RoleName=f"{prefix}-{function}", AssumeRolePolicyDocument=document)["Role"]["Arn"]
        functions.create_function(
            FunctionName=f"{prefix}-{function}",
            Role=role,
            Runtime="provided.al2023",
            Handler="bootstrap",
            Code={"ZipFile": code.getvalue()},
            Timeout=TIMEOUT,
            Description=f"pushpool 0.1.0 (0123456789ab): the {function}",
            Environment={"Variables": told},
        )
    for each, function in FEEDS.items():
        functions.create_event_source_mapping(
            EventSourceArn=arn_of(urls[each]),
            FunctionName=f"{prefix}-{function}",
            FunctionResponseTypes=["ReportBatchItemFailures"],
            BatchSize=10,
        )
    print(json.dumps(subnets))


def spoil():
    run = sqs.get_queue_url(QueueName=name_of("run"))["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=run, Attributes={"VisibilityTimeout": "30"})
    dead = sqs.get_queue_url(QueueName=name_of("run", dead=True))["QueueUrl"]
    sqs.send_message(QueueUrl=dead, MessageBody="{}")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=name_of("events"))["QueueUrl"])
    for mapping in functions.list_event_source_mappings(FunctionName=f"{prefix}-poller")["EventSourceMappings"]:
        functions.delete_event_source_mapping(UUID=mapping["UUID"])
    functions.delete_function(FunctionName=f"{prefix}-reconciler")
    functions.update_function_configuration(
        FunctionName=f"{prefix}-observer",
        Description="pushpool 0.0.9 (0123456789ab): the observer",
        Environment={"Variables": {"PREFECT_API_URL": "http://elsewhere/api", "PUSHPOOL_CLUSTERS": "gone"}},
    )
    for table in ec2.describe_route_tables()["RouteTables"]:
        if any(route.get("NatGatewayId") for route in table["Routes"]):
            ec2.delete_route(RouteTableId=table["RouteTableId"], DestinationCidrBlock="0.0.0.0/0")


{"make": make, "break": spoil}[what]()
