"""What the real `prefect.settings` makes of a working directory and a set of environment variables.

One JSON object per line in, `{"directory": …, "variables": {…}, "profile": …}`; one per line out.
"""

import json
import logging
import os
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
os.environ.pop("SSL_CERT_FILE", None)

import prefect.settings.sources as sources  # noqa: E402
from prefect.settings.models.root import Settings  # noqa: E402


def answer(case):
    os.chdir(case["directory"])
    os.environ.clear()
    os.environ.update(case["variables"])
    sys.argv = ["/bin/prefect"] + (["--profile", case["profile"]] if case["profile"] else [])
    # A constant that is computed from the home directory when the module is imported.
    sources.DEFAULT_PREFECT_HOME = Path.home() / ".prefect"
    try:
        settings = Settings()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    secret = lambda value: None if value is None else value.get_secret_value()  # noqa: E731
    return {
        "url": settings.api.url,
        "key": secret(settings.api.key),
        "auth_string": secret(settings.api.auth_string),
        "headers": settings.client.custom_headers,
        "ssl_cert_file": settings.api.ssl_cert_file,
        "skip_verify": settings.api.tls_insecure_skip_verify,
        "request_timeout": settings.api.request_timeout,
        "work_pool": settings.deployments.default_work_pool_name,
        "build_namespace": settings.deployments.default_docker_build_namespace,
        "ui_url": settings.ui_url if "ui_url" in settings.model_fields_set else None,
    }


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
