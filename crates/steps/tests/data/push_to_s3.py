"""Makes push_to_s3.json: keys that `push_to_s3` of prefect-aws 0.7.12 uploads to, for files, patterns and folders.

    python push_to_s3.py > push_to_s3.json
"""

import os
import tempfile
from unittest import mock

from prefect_aws.deployments import steps
from table import write

FILES = [
    ".env",
    ".git/config",
    ".prefectignore",
    "README.md",
    "a b/ü.txt",
    "app/__pycache__/m.pyc",
    "app/flows/etl.py",
    "app/flows/keep.log",
    "app/flows/x.log",
    "build/out.bin",
    "deep/build/out.bin",
    "deep/er/notes.txt",
    "flow.py",
    "logs/a.log",
    "logs/keep/b.log",
    "logs/keep/c.txt",
    "#odd",
    "star*.txt",
]

PATTERNS = [
    None,
    "",
    "# only a comment\n\n",
    "*.log\n",
    "*.log\n!keep.log\n",
    "build/\n",
    "/build/\n",
    "/build\n",
    "logs/\n!logs/keep/c.txt\n",
    "logs/*\n!logs/keep/\n",
    "logs/*\n!logs/keep\n",
    "**/build\n",
    "app/**/x.log\n",
    "app/**\n!app/flows/etl.py\n",
    "*\n!flow.py\n",
    "*\n!*/\n!*.py\n",
    "  *.py  \n\t\n",
    "__pycache__\n.git/\n",
    "\\#odd\n",
    "star\\*.txt\n",
    "*.p[yz]\n",
    "not?s.txt\n",
    "deep/er\n",
    "er/notes.txt\n",
    "a b/\n",
    ".*\n",
    "!flow.py\n*.py\n",
    "*.py\r\n!flow.py\r\n",
    "ü.txt\n",
    "flow.py/\n",
    "/*\n!/app\n",
    "/*\n!/app\n/app/*\n!/app/flows\n",
]

FOLDERS = ["code", "a/b", "a//b/", "./a/./b", "/abs", "//two", "///three", "", ".", "a/../b", "ü b"]


class Client:
    def __init__(self):
        self.keys = []

    def upload_file(self, path, bucket, key):
        self.keys.append(key)


def pushed(patterns, folder, **inputs):
    client = Client()
    with tempfile.TemporaryDirectory() as root, mock.patch.object(steps, "get_s3_client", lambda **_: client):
        os.chdir(root)
        for file in FILES:
            os.makedirs(os.path.dirname(file) or ".", exist_ok=True)
            with open(file, "w") as new:
                new.write(file)
        if patterns is None:
            os.remove(".prefectignore")
        else:
            with open(".prefectignore", "w", newline="") as new:
                new.write(patterns)
        steps.push_to_s3(bucket="bucket", folder=folder, **inputs)
        os.chdir("/")
    return sorted(client.keys)


table = {
    "files": FILES,
    "patterns": [[patterns, pushed(patterns, "code")] for patterns in PATTERNS],
    "folders": [[folder, pushed("*\n!flow.py\n", folder)] for folder in FOLDERS],
    "other_file": pushed("*\n", "code", ignore_file="README.md"),
    "no_file": pushed("*\n", "code", ignore_file=None),
}
write(table)
