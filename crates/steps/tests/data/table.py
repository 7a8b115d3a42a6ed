"""Writes a table of cases as JSON, a case a line."""

import json


def write(table):
    parts = []
    for name, cases in table.items():
        if isinstance(cases, list):
            lines = ",\n  ".join(json.dumps(case, ensure_ascii=False) for case in cases)
            parts.append(f" {json.dumps(name)}: [\n  {lines}\n ]")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(cases, ensure_ascii=False)}")
    print("{\n" + ",\n".join(parts) + "\n}")
