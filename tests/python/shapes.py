"""Writes what the ECS service model says about the input of the operations that pushpool calls.

    python tests/python/shapes.py > crates/ecs/src/shapes.json

The model is botocore's, of the release that `requirements.txt` pins. Only names and rules are kept (members, types,
required members, enumerations, bounds), no documentation. One shape per line, so that a new model shows as a small
difference.
"""

import json

import botocore.session

OPERATIONS = ("RegisterTaskDefinition", "RunTask")


def rules(shape):
    """One shape in the terms of the file."""
    kept = {"type": shape.type_name}
    if shape.type_name == "structure":
        kept["members"] = {name: member.name for name, member in shape.members.items()}
        kept["required"] = list(shape.required_members)
        kept["union"] = bool(getattr(shape, "is_tagged_union", False))
    elif shape.type_name == "list":
        kept["member"] = shape.member.name
    elif shape.type_name == "map":
        kept["value"] = shape.value.name
    elif getattr(shape, "enum", None):
        kept["enum"] = list(shape.enum)
    kept |= {bound: shape.metadata[bound] for bound in ("min", "max") if bound in shape.metadata}
    return {key: value for key, value in kept.items() if value is not False and value != []}


def parts(shape):
    """The shapes that a shape is made of."""
    if shape.type_name == "structure":
        return list(shape.members.values())
    if shape.type_name == "list":
        return [shape.member]
    return [shape.key, shape.value] if shape.type_name == "map" else []


def main():
    model = botocore.session.Session().get_service_model("ecs")
    inputs = {name: model.operation_model(name).input_shape for name in OPERATIONS}
    shapes, waiting = {}, list(inputs.values())
    while waiting:
        shape = waiting.pop()
        if shape.name not in shapes:
            shapes[shape.name] = rules(shape)
            waiting += parts(shape)
    lines = [f'"{name}":{json.dumps(shapes[name], separators=(",", ":"))}' for name in sorted(shapes)]
    operations = json.dumps({name: shape.name for name, shape in inputs.items()})
    print(f'{{"operations":{operations},\n"shapes":{{\n' + ",\n".join(lines) + "\n}}")


if __name__ == "__main__":
    main()
