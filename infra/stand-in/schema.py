"""Reads the schema of the AWS provider out of its published bindings for CDK Terrain.

The bindings (npm, @cdktn/provider-aws, MPL-2.0) are generated from the provider's schema, and keep of each member: name, type,
whether it is required, optional or computed, and how blocks nest. They do not keep how many blocks there may be beyond one, nor
what values the provider refuses. Only the types that these directories use are read.

    schema.py ARCHIVE.tgz DIRECTORY > schema.json
"""

import json
import pathlib
import re
import sys
import tarfile

USED = re.compile(r'^\s*(resource|data|mock_resource|mock_data|override_resource|override_data) "(aws_\w+)"', re.M)
MEMBER = re.compile(r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$", re.M)
CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+)", re.M)
MADE = re.compile(r'new (\w+)\(this, "\w+"(?:, (true|false))?\)')
# A member's value as HCL: the clue to whether it is a block, and of what kind.
WRITTEN = r"\b{name}: \{{\s*value: (?P<value>.*),\s*isBlock: (?P<block>true|false),\s*type: \"(?P<kind>\w+)\",\s*storageClassType: \"(?P<stored>\w+)\""

GETTERS = [
    ("Fn.tolist(this.getNumberListAttribute", ["set", "number"]),
    ("Fn.tolist(this.getListAttribute", ["set", "string"]),
    ("getNumberListAttribute", ["list", "number"]),
    ("getListAttribute", ["list", "string"]),
    ("cdktn.StringMap(", ["map", "string"]),
    ("getStringMapAttribute", ["map", "string"]),
    ("getBooleanMapAttribute", ["map", "bool"]),
    ("getNumberMapAttribute", ["map", "number"]),
    ("getStringAttribute", "string"),
    ("getBooleanAttribute", "bool"),
    ("getNumberAttribute", "number"),
]
STORED = {"string": "string", "boolean": "bool", "number": "number"}


class Bindings:
    """The classes of one file."""

    def __init__(self, text):
        self.text = text
        starts = list(CLASS.finditer(text))
        ends = [start.start() for start in starts[1:]] + [len(text)]
        self.classes = {start[1]: (start[2], text[start.start() : end]) for start, end in zip(starts, ends)}

    def top(self):
        return next(name for name, (base, _) in self.classes.items() if base in ("TerraformResource", "TerraformDataSource", "TerraformProvider"))

    def block(self, name):
        """The block that a class stands for."""
        body = self.classes[name][1]
        marks = list(MEMBER.finditer(body))
        ends = [mark.start() for mark in marks[1:]] + [len(body)]
        block = {"attributes": {}, "block_types": {}}
        for mark, end in zip(marks, ends):
            computed, optional, required = (mark[i] == "true" for i in (2, 3, 4))
            self.member(block, mark[1], body[mark.end() : end], computed, optional, required)
        return block

    def member(self, block, name, text, computed, optional, required):
        made = MADE.search(text)
        if made:
            inner, single = self.inner(made[1])
            written = self.written(name, made[1])
            collection = "set" if made[2] == "true" else "list"
            if written and written["block"] == "true":
                kind = written["kind"]
                nesting = {"struct": "single", "set": "set", "map": "map"}.get(kind, "list")
                one = single and nesting != "single"
                block["block_types"][name] = {"nesting": nesting, "min": int(required), "max": int(one), "block": self.block(inner)}
                return
            kind = object_type(self.block(inner))
            kind = kind if single and written and written["kind"] == "struct" else [collection, kind]
        else:
            kind = self.simple(name, text)
            if kind is None:
                nested = self.function_block(name)
                block["block_types"][name] = {"nesting": "list", "min": int(required), "max": 0, "block": nested}
                return
        attribute = {"type": kind}
        attribute.update({key: True for key, value in (("required", required), ("optional", optional), ("computed", computed)) if value})
        block["attributes"][name] = attribute

    def inner(self, made):
        """The class of a nested object, and whether there is at most one."""
        if made.endswith("OutputReference"):
            return made, True
        return re.sub("(List|Map)$", "", made) + "OutputReference", False

    def written(self, name, made=None):
        function = ""
        if made:
            stem = re.sub("(OutputReference|List|Map)$", "", made)
            function = stem[0].lower() + stem[1:] + "ToHclTerraform"
        found = (it for it in re.finditer(WRITTEN.format(name=name), self.text) if function in it["value"])
        return next(found, None)

    def simple(self, name, text):
        for getter, kind in GETTERS:
            if getter in text:
                return kind
        written = self.written(name)
        if not written:
            return "dynamic"
        if written["block"] == "true":
            return None
        stored = written["stored"]
        item = STORED.get(re.sub("(List|Map)$", "", stored), "dynamic")
        return item if written["kind"] == "simple" else [written["kind"], item]

    def function_block(self, name):
        """The block of a provider, of which the bindings have no class: its members are what is written of it."""
        function = re.search(r"(\w+ToHclTerraform)", self.written(name)["value"])[1]
        body = self.text[self.text.index(f"function {function}(") :]
        body = body[: body.index("\n}\n")]
        block = {"attributes": {}, "block_types": {}}
        for member in re.finditer(r"^        (\w+): \{$", body, re.M):
            kind = self.simple(member[1], "")
            block["attributes"][member[1]] = {"type": kind or "dynamic", "optional": True}
        return block


def object_type(block):
    members = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    members.update({name: [nested["nesting"], object_type(nested["block"])] for name, nested in block["block_types"].items()})
    return ["object", members]


def main(archive, directory):
    texts = [path.read_text() for path in pathlib.Path(directory).rglob("*") if path.name.endswith((".tf", ".tftest.hcl"))]
    used = {("data" if "data" in kind else "resource", name) for text in texts for kind, name in USED.findall(text)}
    wanted = {"package/lib/provider/index.js": ("provider", "aws")}
    for kind, name in used:
        stem = name.removeprefix("aws_").replace("_", "-")
        wanted[f"package/lib/{'data-aws-' if kind == 'data' else ''}{stem}/index.js"] = (kind, name)
    schemas = {"resource": {}, "data": {}}
    with tarfile.open(archive) as tar:
        for entry in tar:
            if entry.name not in wanted:
                continue
            kind, name = wanted.pop(entry.name)
            bindings = Bindings(tar.extractfile(entry).read().decode())
            schema = bindings.block(bindings.top())
            if kind == "provider":
                schemas["provider"] = schema
            else:
                schemas[kind][name] = schema
    # What the bindings do not have is no type of the provider; Terraform says so by name.
    for kind, name in wanted.values():
        print(f"the bindings have no {kind} {name}", file=sys.stderr)
    json.dump(schemas, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
