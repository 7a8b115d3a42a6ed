import json
import sys
from importlib import metadata

try:
    prefect = metadata.version("prefect")
except metadata.PackageNotFoundError:
    prefect = None
print(json.dumps({"prefect": prefect, "python": "%d.%d" % sys.version_info[:2]}))
