"""Checks the values of a resource against rules.json (rules.py says what a rule is)."""

import json
import re

UNKNOWN = object()

# Terraform's mocks fill what is only computed with eight of these characters; a reference to such a value is no finding.
MOCKED = re.compile("[a-z0-9]{8}")


def shown(value):
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 80 else f"{text[:77]}…"


def check(rule, value, path):
    """What is wrong with a value, in sentences that begin with its path."""
    # What is empty is not sent.
    if value is None or value is UNKNOWN or value in ({}, [], ()):
        return
    if "json" in rule and isinstance(value, str):
        yield from check({key: it for key, it in rule.items() if key != "json"}, value, path)
        yield from document(rule, value, path)
        return
    if isinstance(value, bool) or "type" in rule:
        fits = {"text": isinstance(value, str), "truth": isinstance(value, bool), "number": isinstance(value, (int, float)) and not isinstance(value, bool)}
        if not fits.get(rule.get("type"), True):
            yield f"{path} has to be a {rule['type']}, and is {shown(value)}"
            return
    if isinstance(value, dict):
        yield from of_object(rule, value, path)
    elif isinstance(value, (list, tuple)):
        yield from counted(rule, len(value), path, "has {} items")
        # A block of which there is one, or one argument for the API's several.
        inner = rule.get("list", rule if "members" in rule else {})
        for index, item in enumerate(value):
            yield from check(inner, item, f"{path}[{index}]")
    elif isinstance(value, str):
        yield from of_text(rule, value, path)
    elif not isinstance(value, bool):
        yield from of_number(rule, value, path)


def of_object(rule, value, path):
    if "map" in rule:
        keys, values = rule["map"]
        yield from counted(rule, len(value), path, "has {} entries")
        for key, item in value.items():
            yield from check(keys, key, f"{path}, key {shown(key)},")
            yield from check(values, item, f"{path}[{shown(key)}]")
        return
    members = rule.get("members", {})
    for name, item in value.items():
        inside = f"{path}.{name}" if path else name
        if name in members:
            yield from check(members[name], item, inside)
        elif rule.get("exact"):
            yield f"{inside} is not a field of the API"
    for name in rule.get("required", []):
        if name not in value:
            yield f"{path} has no {name}"


def of_text(rule, value, path):
    see = f" ({rule['see']})" if "see" in rule else ""
    if "enum" in rule and value not in rule["enum"]:
        yield f"{path} is {shown(value)}, and may be {', '.join(map(str, rule['enum'][:30]))}{see}"
    if MOCKED.fullmatch(value):
        return
    if "pattern" in rule and not matches(rule["pattern"], value):
        odd = sorted({character for character in value if not matches(rule["pattern"], character)})
        among = f"; it does not take {' '.join(odd)}" if 0 < len(odd) < 5 and len(value) > 1 else ""
        yield f"{path} is {shown(value)}, which AWS refuses{among}: it has to match {rule['pattern']}{see}"
    yield from counted(rule, len(value), path, "has {} characters")


def matches(pattern, value):
    try:
        return re.fullmatch(pattern, value, re.DOTALL) is not None
    except re.error:
        # Some models' patterns are Java's.
        return True


def of_number(rule, value, path):
    if "enum" in rule and value not in rule["enum"] and not ("multiple" in rule and value % rule["multiple"] == 0 and value > 0):
        several = f", or a multiple of {rule['multiple']}" if "multiple" in rule else ""
        yield f"{path} is {value}, and may be {', '.join(map(str, rule['enum']))}{several}"
    yield from counted(rule, value, path, "is {}")


def counted(rule, number, path, says):
    see = f" ({rule['see']})" if "see" in rule else ""
    if isinstance(rule.get("max"), (int, float)) and number > rule["max"]:
        yield f"{path} {says.format(number)}, and may have {rule['max']} at most{see}"
    if isinstance(rule.get("min"), (int, float)) and number < rule["min"]:
        yield f"{path} {says.format(number)}, and needs {rule['min']} at least{see}"


def document(rule, text, path):
    if MOCKED.fullmatch(text):
        return
    try:
        value = json.loads(text)
    except ValueError as error:
        yield f"{path} is not JSON: {error}"
        return
    yield from check(rule["json"], value, path)


def unruled(rule, value, path):
    """Arguments that are set, and of which no rule says what they may be."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from unruled(rule, item, path)
    elif isinstance(value, dict) and "members" in rule:
        for name, item in value.items():
            if item is None or item == []:
                continue
            if name not in rule["members"]:
                yield f"{path}{name}"
            else:
                yield from unruled(rule["members"][name], item, f"{path}{name}.")
