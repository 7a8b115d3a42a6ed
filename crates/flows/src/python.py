# Reads {"entrypoints": [...]} from standard input, in the project's folder, and writes one answer for each entrypoint
# as JSON to standard output. Whatever the project's own code prints goes to standard error.
import json
import os
import sys
import traceback


def place(error):
    """The innermost line of the project that the error passed through, as ` (file:line)`."""
    here = os.getcwd() + os.sep
    found = ""
    frames = list(traceback.extract_tb(error.__traceback__))
    if isinstance(error, SyntaxError) and error.filename:
        return " (%s:%s)" % (os.path.relpath(error.filename), error.lineno)
    for frame in frames:
        path = os.path.abspath(frame.filename)
        if path.startswith(here) and "site-packages" not in path and not frame.filename.startswith("<"):
            found = " (%s:%s)" % (os.path.relpath(path), frame.lineno)
    return found


def explain(error):
    """The end of the traceback as one line, of the error that the project's code raised if there is one."""
    error = getattr(error, "user_exc", None) or error
    text = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()
    if isinstance(error, SyntaxError):
        text = text[-1:]
    return " ".join(text)[:500] + place(error)


def version_of(flow):
    """The version that the decorator gives; Prefect fills in the hash of the file otherwise."""
    import inspect

    from prefect.utilities.hashing import file_hash

    try:
        if flow.version == file_hash(inspect.getsourcefile(flow.fn)):
            return None
    except (TypeError, OSError):
        pass
    return flow.version


def source_of(flow):
    import inspect

    try:
        path = inspect.getsourcefile(flow.fn)
        line = flow.fn.__code__.co_firstlineno
    except (TypeError, AttributeError):
        return None, None
    if path is None or not os.path.exists(path):
        return None, None
    relative = os.path.relpath(path)
    return (path if relative.startswith("..") else relative), line


def describe(entrypoint):
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema

    flow = load_flow_from_entrypoint(entrypoint)
    schema = parameter_schema(flow)
    schema = schema.model_dump(exclude_unset=True) if hasattr(schema, "model_dump") else schema.dict(exclude_unset=True)
    try:
        from pydantic_core import to_jsonable_python

        schema = to_jsonable_python(schema)
    except ImportError:
        pass
    json.dumps(schema, allow_nan=False)
    path, line = source_of(flow)
    return {
        "name": flow.name,
        "function": getattr(flow.fn, "__qualname__", entrypoint.rsplit(":", 1)[-1]),
        "file": path,
        "line": line,
        "description": flow.description,
        "version": version_of(flow),
        "schema": schema,
    }


def main():
    request = json.load(sys.stdin)
    answers = os.dup(1)
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)

    flows = []
    for entrypoint in request["entrypoints"]:
        try:
            flows.append({"entrypoint": entrypoint, "flow": describe(entrypoint)})
        except BaseException as error:
            flows.append({"entrypoint": entrypoint, "error": explain(error)})

    text = json.dumps({"flows": flows}, allow_nan=False).encode()
    while text:
        text = text[os.write(answers, text) :]
    sys.stderr.flush()
    # Threads that the project's code has started must not keep the process.
    os._exit(0)


main()
