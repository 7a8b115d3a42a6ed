"""Record what Prefect makes of the flows beside this file.

    python make.py > expected.json

With prefect 3.9.1, pydantic 2.14.4 and Python 3.12. Files that need a newer Python than the running one are left out.
"""

import importlib.util
import json
import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent.resolve()


def entrypoints(file, flow_class):
    """Every flow that the module offers by a path of attributes."""
    from prefect.utilities.importtools import load_script_as_module

    module = load_script_as_module(file)
    found = []

    def walk(holder, path, depth):
        for name, value in vars(holder).items():
            value = getattr(holder, name, None)
            if isinstance(value, flow_class):
                found.append(".".join([*path, name]))
            elif isinstance(value, type) and value.__module__ == module.__name__ and depth < 2:
                walk(value, [*path, name], depth + 1)

    walk(module, [], 0)
    return sorted(found)


def record(entrypoint):
    from prefect.flows import load_flow_from_entrypoint
    from prefect.utilities.callables import parameter_schema
    from prefect.utilities.hashing import file_hash
    import inspect
    from pydantic_core import to_jsonable_python

    # Prefect names a file's module after the file only the first time.
    sys.modules.pop(Path(entrypoint.split(":")[0]).stem, None)
    flow = load_flow_from_entrypoint(entrypoint)
    schema = parameter_schema(flow).model_dump(exclude_unset=True)
    version = flow.version
    try:
        if version == file_hash(inspect.getsourcefile(flow.fn)):
            version = None
    except TypeError:
        pass
    return {
        "name": flow.name,
        "description": flow.description,
        "version": version,
        "schema": to_jsonable_python(schema),
    }


def main():
    warnings.simplefilter("ignore")
    os.chdir(HERE)
    os.environ["DO_NOT_TRACK"] = "1"
    file = sys.argv[1] if len(sys.argv) > 1 else None
    if file is None:
        import subprocess

        expected = {}
        for path in sorted(HERE.glob("*.py")):
            if path.name in ("make.py", "sibling.py"):
                continue
            process = subprocess.run([sys.executable, __file__, path.name], capture_output=True, text=True)
            if process.returncode:
                print(path.name, process.stderr[-2000:], file=sys.stderr)
                continue
            expected.update(json.loads(process.stdout))
        json.dump(expected, sys.stdout, indent=1, ensure_ascii=False)
        print()
        return
    from prefect import Flow

    print(json.dumps({f"{file}:{name}": record(f"{file}:{name}") for name in entrypoints(file, Flow)}))


main()
