"""Runs a function with the inputs of a step. Reads a request from standard input, writes a report to the given file."""

import asyncio
import difflib
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import re
import sys
import traceback


class Refused(Exception):
    """A report instead of outputs."""


def check(requirement):
    """The package is installed under its own name, or under that of a module."""
    name = re.split(r"[\[<>=!~;@ ]", requirement.strip())[0]
    try:
        importlib.metadata.distribution(name)
        return
    except (importlib.metadata.PackageNotFoundError, ValueError):
        pass
    try:
        found = importlib.util.find_spec(name.replace("-", "_"))
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise Refused({"missing_package": requirement})


def load(function):
    """`module.function`, `module:object.method` or `path/to/file.py:function`."""
    path, _, names = function.rpartition(":") if ":" in function else function.rpartition(".")
    found = script(path) if path.endswith(".py") else module(path)
    for name in names.split("."):
        if not hasattr(found, name):
            near = difflib.get_close_matches(name, dir(found))
            raise Refused({"no_function": {"module": path, "name": name, "near": near}})
        found = getattr(found, name)
    return found


def module(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # One that the module itself imports is its own problem.
        if error.name is None or not (name + ".").startswith(error.name + "."):
            raise
        raise Refused({"no_module": error.name}) from None


def script(path):
    if not os.path.exists(path):
        raise Refused({"no_module": path})
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def call(request):
    for requirement in request["requires"]:
        check(requirement)
    result = load(request["function"])(**request["inputs"])
    if inspect.isawaitable(result):
        result = asyncio.run(wait(result))
    return result if isinstance(result, dict) else None


async def wait(result):
    return await result


def main(path):
    request = json.load(sys.stdin)
    # The function gets an empty input.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = [request["function"]]
    sys.path.insert(0, os.getcwd())
    try:
        report = json.dumps({"outputs": call(request)}, default=str, allow_nan=False)
    except Refused as refused:
        report = json.dumps(refused.args[0])
    except Exception as error:
        # Without the frames of this program.
        frames = error.__traceback__
        while frames and frames.tb_frame.f_code.co_filename == "<string>":
            frames = frames.tb_next
        told = "".join(traceback.format_exception(type(error), error, frames))
        # It is the step that has crashed, not this program: nothing that looks for crashes should find one.
        sys.stderr.write(told.replace("Traceback (most recent call last):", "Raised in:"))
        text = "".join(traceback.format_exception_only(type(error), error)).strip()
        report = json.dumps({"raised": text})
    with open(path, "w", encoding="utf-8") as file:
        file.write(report)


if __name__ == "__main__":
    main(sys.argv[1])
