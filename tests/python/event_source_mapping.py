"""Runs a function of a custom runtime behind an SQS event source mapping of whatever AWS is at an endpoint.

Reads from standard input: {"endpoint", "zip", "environment", "messages"}. Makes a run queue with a dead-letter queue, the
function (its environment gets the URLs of the queues), and the mapping with ReportBatchItemFailures; sends the messages;
waits until the run queue is empty and as many messages as asked for ("dead_letters") are in the dead-letter queue. Prints
{"dead_letters": [...], "left": number of messages in the run queue, "settled": whether it came to that}.
"""

import json
import sys
import time

import boto3

#: Seconds until a message that the function did not answer for comes again; and how long all of it may take.
VISIBILITY, PATIENCE = 20, 120


def main():
    order = json.load(sys.stdin)
    keys = {"aws_access_key_id": "000000000000", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    session = boto3.session.Session(**keys)
    sqs, functions = (session.client(name, endpoint_url=order["endpoint"]) for name in ("sqs", "lambda"))

    def queue(name, **attributes):
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return url, answer["Attributes"]["QueueArn"]

    dlq, dlq_arn = queue("dlq")
    policy = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": "3"})
    runs, runs_arn = queue("runs", VisibilityTimeout=str(VISIBILITY), RedrivePolicy=policy)
    with open(order["zip"], "rb") as file:
        code = file.read()
    functions.create_function(
        FunctionName="dispatcher",
        Runtime="provided.al2023",
        Handler="bootstrap",
        Role="arn:aws:iam::000000000000:role/dispatcher",
        Code={"ZipFile": code},
        Timeout=10,
        Environment={"Variables": {**order["environment"], "PUSHPOOL_RUN_QUEUE_URL": runs, "PUSHPOOL_DLQ_URL": dlq}},
    )
    functions.create_event_source_mapping(
        EventSourceArn=runs_arn,
        FunctionName="dispatcher",
        BatchSize=10,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(order["messages"])]
    sent = sqs.send_message_batch(QueueUrl=runs, Entries=entries)
    assert not sent.get("Failed"), sent

    def left():
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        answer = sqs.get_queue_attributes(QueueUrl=runs, AttributeNames=list(names))["Attributes"]
        return sum(int(answer[name]) for name in names)

    dead_letters = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and (left() or len(dead_letters) < order["dead_letters"]):
        answer = sqs.receive_message(
            QueueUrl=dlq, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=600, MessageAttributeNames=["All"]
        )
        dead_letters += answer.get("Messages", [])
    settled = not left() and len(dead_letters) == order["dead_letters"]
    print(json.dumps({"dead_letters": dead_letters, "left": left(), "settled": settled}))


if __name__ == "__main__":
    sys.exit(main())
