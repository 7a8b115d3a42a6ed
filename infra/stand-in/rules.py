"""Makes rules for values out of AWS's service models, which botocore carries: patterns, enumerations, lengths and ranges of the
API field behind each Terraform argument (fields.py says which).

    rules.py schema.json > rules.json

A rule is an object with any of: `pattern`, `enum`, `min` and `max` (of a number, a text's length, a list's), `multiple`, `list`
(the items' rule), `map` (the keys' and the values'), `members` (of a block or an object), `json` (of the document that the text
is), `exact` (no other members). An empty one takes anything.
"""

import json
import re
import sys

import botocore.loaders

from fields import DOCUMENTED, EVERYWHERE, IAM_POLICY, RESOURCES

# Fields that hold one of the API's own structures as JSON.
DOCUMENTS = {"aws_ecs_task_definition.container_definitions"}
# Nothing here nests deeper, and a model may hold itself.
DEEPEST = 9


def plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


class Model:
    def __init__(self, service):
        self.model = botocore.loaders.Loader().load_service_model(service, "service-2")
        self.shapes = self.model["shapes"]

    def input(self, operation):
        return self.shapes[self.model["operations"][operation]["input"]["shape"]]

    def members(self, shape):
        """A structure's members; a list of structures stands for one of them, as Terraform's blocks do."""
        while shape["type"] == "list":
            shape = self.shapes[shape["member"]["shape"]]
        return shape.get("members") or {}

    def find(self, shape, argument):
        """The member with the argument's name, or its plural."""
        members = self.members(shape)
        by_name = {plain(name): member for name, member in members.items()}
        wanted = plain(argument)
        for name in (wanted, wanted + "s", wanted + "es", wanted.removesuffix("y") + "ies"):
            if name in by_name:
                return self.shapes[by_name[name]["shape"]]
        return None

    def follow(self, shape, path):
        for step in path.split("."):
            shape = self.shapes[self.members(shape)[step]["shape"]]
        return shape

    def own(self, shape):
        """What a shape says of its value."""
        rule = {}
        if shape["type"] in ("string", "integer", "long", "list", "map", "float", "double"):
            rule.update({key: shape[key] for key in ("min", "max", "pattern", "enum") if key in shape})
        return rule

    def exact(self, shape, depth=0):
        """The rule of a value that is written in the API's own words."""
        rule = self.own(shape)
        if depth > DEEPEST:
            return rule
        inner = lambda of: self.exact(self.shapes[of["shape"]], depth + 1)
        if shape["type"] == "structure":
            members = {member.get("locationName", name): inner(member) for name, member in shape["members"].items()}
            rule.update(members=members, required=shape.get("required", []), exact=True)
        elif shape["type"] == "list":
            rule["list"] = inner(shape["member"])
        elif shape["type"] == "map":
            rule["map"] = [inner(shape["key"]), inner(shape["value"])]
        else:
            rule["type"] = {"string": "text", "boolean": "truth"}.get(shape["type"], "number")
        return rule

    def argument(self, kind, shape):
        """The rule of an argument of this Terraform type."""
        rule = self.own(shape)
        if shape["type"] == "list" and isinstance(kind, list) and kind[0] in ("list", "set"):
            rule["list"] = self.argument(kind[1], self.shapes[shape["member"]["shape"]])
        elif isinstance(kind, list) and kind[0] == "map":
            # A map, or a list of pairs.
            if shape["type"] == "map":
                pair = [shape["key"], shape["value"]]
            else:
                members = {plain(name): member for name, member in self.members(shape).items()}
                pair = [members.get("key") or members.get("name"), members.get("value")]
            if all(pair):
                rule["map"] = [self.own(self.shapes[it["shape"]]) for it in pair]
        elif shape["type"] == "list":
            # One where the API takes several.
            return self.argument(kind, self.shapes[shape["member"]["shape"]])
        return rule


class Rules:
    def __init__(self, schemas):
        self.schemas, self.models = schemas, {}

    def model(self, service):
        if service not in self.models:
            self.models[service] = Model(service)
        return self.models[service]

    def resource(self, name):
        if name not in RESOURCES:
            return None
        service, operation, told = RESOURCES[name]
        self.named, self.api = name, self.model(service)
        return self.block(self.schemas["resource"][name], self.api.input(operation), told, operation, name)

    def block(self, schema, shape, told, operation, path):
        rules = {}
        for argument, it in schema["attributes"].items():
            rule = self.field(argument, it["type"], shape, told, operation, f"{path}.{argument}")
            if rule is not None:
                rules[argument] = rule
        for argument, it in schema["block_types"].items():
            inner = self.shape_of(argument, shape, told, operation)
            if argument in EVERYWHERE:
                rules[argument] = {}
            elif isinstance(inner, dict) and "members" not in inner and "type" not in inner:
                # The block's arguments are fields of the input itself.
                rules[argument] = self.block(it["block"], shape, inner, operation, f"{path}.{argument}")
            elif inner is not None:
                rules[argument] = self.block(it["block"], inner, {}, operation, f"{path}.{argument}")
        return {"members": rules}

    def shape_of(self, argument, shape, told, operation):
        """The API's shape of an argument, what is told of a block's arguments, or nothing."""
        if argument not in told:
            return self.api.find(shape, argument)
        field = told[argument]
        if not isinstance(field, str):
            return field
        other, _, path = field.rpartition(":")
        return self.api.follow(self.api.input(other) if other else shape, path)

    def field(self, argument, kind, shape, told, operation, path):
        rule = None
        if argument in EVERYWHERE or (argument in told and told[argument] is None):
            rule = {}
        else:
            found = self.shape_of(argument, shape, told, operation)
            if found is not None:
                rule = {"json": self.api.exact(found)} if path in DOCUMENTS else self.api.argument(kind, found)
        if path in DOCUMENTED:
            more, page = DOCUMENTED[path]
            rule = {**(rule or {}), **more, "see": page}
            if rule.get("json") == "policy":
                rule["json"] = IAM_POLICY
        return rule


def main(schema):
    with open(schema, encoding="utf-8") as file:
        rules = Rules(json.load(file))
    made = {name: rules.resource(name) for name in rules.schemas["resource"]}
    json.dump({name: rule for name, rule in made.items() if rule is not None}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
