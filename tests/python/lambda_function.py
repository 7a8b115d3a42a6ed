"""Makes or shows a function of AWS Lambda: ENDPOINT make|show NAME. Prints its configuration as JSON.

The function is as Terraform makes one whose operator has chosen other figures than Cargo.toml's.
"""

import io
import json
import sys
import zipfile

import boto3

endpoint, what, name = sys.argv[1:]
at = {"endpoint_url": endpoint, "region_name": "us-east-1", "aws_access_key_id": "any", "aws_secret_access_key": "any"}
functions = boto3.client("lambda", **at)

if what == "make":
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("bootstrap", "an earlier build")
    role = boto3.client("iam", **at).create_role(RoleName="function", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    layer = functions.publish_layer_version(LayerName="ca", Content={"ZipFile": code.getvalue()})["LayerVersionArn"]
    functions.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Role=role,
        Handler="bootstrap",
        Code={"ZipFile": code.getvalue()},
        Description="pushpool",
        MemorySize=512,
        Timeout=60,
        Architectures=["arm64"],
        Layers=[layer],
        Environment={"Variables": {"PUSHPOOL_NAME": "pushpool"}},
        TracingConfig={"Mode": "Active"},
        Tags={"pushpool": "pushpool"},
    )
seen = functions.get_function(FunctionName=name)
print(json.dumps({**seen["Configuration"], "Tags": seen["Tags"]}))
