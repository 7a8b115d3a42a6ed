"""The real S3 steps of prefect-aws in the working directory, on an emulator: `push BUCKET FOLDER`, `pull BUCKET FOLDER`;
`create BUCKET...` makes buckets, `list BUCKET` prints keys with the MD5 of their contents. Prints JSON. Where S3 is, the
environment says.
"""

import hashlib
import json
import sys

import boto3

command, arguments = sys.argv[1], sys.argv[2:]

if command == "create":
    for bucket in arguments:
        boto3.client("s3").create_bucket(Bucket=bucket)
    result = None
elif command == "list":
    bucket = boto3.resource("s3").Bucket(arguments[0])
    result = {it.key: hashlib.md5(it.get()["Body"].read()).hexdigest() for it in bucket.objects.all()}
else:
    from prefect_aws.deployments import steps

    step = {"push": steps.push_to_s3, "pull": steps.pull_from_s3}[command]
    result = step(bucket=arguments[0], folder=arguments[1])
print(json.dumps(result))
