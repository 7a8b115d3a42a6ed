"""Writes expected.json: what PyYAML loads from many words and documents.

    python3 -m venv venv && venv/bin/pip install pyyaml==6.0.3 && venv/bin/python expected.py > expected.json

PyYAML 6.0.4 is not asked: of two mappings in a list behind `<<` it takes the last one or the first one, by how Python
shares the text of their keys. 6.0.3 and all before take the first, as YAML 1.1 says.
"""

import datetime
import json
import math
import sys

import yaml

WORDS = """
~ null Null NULL nUll none None NONE nil
yes Yes YES yEs y Y no No NO nO n N true True TRUE tRue t false False FALSE f on On ON oN off Off OFF oFF
0 1 -1 +1 007 00 0_ 012 -012 +012 018 08 09 0o14 0O14 0b101 -0b101 0b 0b2 0b_1 0B1 0x1F 0xfg -0x1f 0x 0x_ 0x_1 0X1F
1_000 1__0 _1 1_ 1_000_000 - -- + +-1 -+1 1- 1+ 9223372036854775807 -9223372036854775808 18446744073709551615
1:30 1:30:00 01:30 0:30 12:60 12:59 12:5 12:5:9 -1:30 +1:30:00 1:2:3:4 190:20:30 1:300 1:30: :30 1_0:30 1:30.5 1:30.
-1:30.5 190:20:30.15 0:30.5 1:60.5 1:3_0 1:30._5
1.0 1. .5 -.5 +.5 . .. ... 1.5 -1.5 +1.5 1e5 1E5 1e+5 1.e+5 1.0e5 1.0e+5 1.0E-5 .5e+3 .5e3 1.5e+ 1_0.5_0 1._5 ._5 1.10 1..2
1.2.3 0.0 -0.0 00.5 01.5 1e400 1.0e+400 123456789.123456789 0.1 0.30000000000000004 1e-7 5e-324 1.7976931348623157e+308
.inf -.inf +.inf .Inf .INF .iNF inf -inf .nan .NaN .NAN .Nan nan -.nan
2026-01-01 2026-1-1 2026-01-1 2026-1-01 2026-12-31 26-01-01 2026-01 2026-01-01T 2024-02-29 0001-01-01 9999-12-31
2026-01-01T00:00:00 2026-01-01t00:00:00 2026-01-01T1:02:03 2026-1-1T10:20:30 2026-01-01T00:00:00Z 2026-01-01T00:00:00z
2026-01-01T00:00:00+00:00 2026-01-01T00:00:00+01:00 2026-01-01T00:00:00-05:30 2026-01-01T00:00:00+1 2026-01-01T00:00:00+01
2026-01-01T00:00:00+0100 2026-01-01T00:00:00.5 2026-01-01T00:00:00. 2026-01-01T00:00:00.1234567 2026-01-01T00:00:00.123456Z
2026-01-01T23:59:59.999999-12:34 2026-01-01T00:00 2026-01-01T00:0:00 2026-01-01T00:00:00+1:00 2026-01-01T00:00:00+23:59
2026.11.29.1 1.0.0 v1 10Mi 512m 1/2 50% #x a#b a:b a::b http://x.y/z?a=b&c=d file.py:flow ./a ../b /c ~/d ~a a~
= =a << <<a a<< <a >a |a %a @a `a !a !!a &a *a ? ?a : :a - -a , ,a [a ]a {a }a 'a "a a'b a"b a, a] a} [] {} "" '' "a" 'a'
'' 'it''s' "\\n" "\\t" "\\x41" "\\u00e9" "\\U0001F600" "\\e" "\\/" "\\_" "\\N" "\\L" "\\P" "\\0" "\\q" "\\x4" "\\uD800" "012" 'yes' "1:30"
é 流 ☕ 😀 a–b ÀÉ \u00a0
!!str 012 !!str yes !!str !!str ~ !!int 12 !!int "12" !!int "0x1F" !!int "012" !!int "08" !!int a !!int "" !!float 1 !!float "1.5" !!float "1e5"
!!float a !!bool yes !!bool "On" !!bool 1 !!null a !!null !!timestamp 2026-01-01 !!timestamp "2026-01-01" !!timestamp a !!binary aGVsbG8=
!!binary "aGVs bG8=" !!binary a !!seq a !!map a !!set a ! 12 ! "12" ! yes ! !foo a !!python/none a !<tag:yaml.org,2002:str> 12
!<tag:yaml.org,2002:int> "7" !local
"""

SPACED = [
    "2026-01-01 10:20:30",
    "2026-01-01  10:20:30.25 +02:00",
    "2026-01-01 10:20:30 Z",
    "2026-01-01 10:20",
    "2026-02-30",
    "2026-13-01",
    "2026-01-01T25:00:00",
    "2026-01-01T00:00:00+24:00",
    "0000-01-01",
    "0 0 * * *",
    "*/5 * * * *",
    "{{ name }}",
    "{{ name }}-x",
    "{ { a } }",
    "x {{ name }}",
    "a b",
    "a  b",
    "a # b",
    "a #",
    "a: b",
    "a :b",
    "a : b",
    "- a",
    "? a",
    "! a",
    "'a' b",
    '"a" b',
    '"a" # b',
    "&x a",
    "&x",
    "&x !!str 1",
    "!!str &x 1",
    "!!str 012",
    "!!int 1:30",
    "! 012",
    "! '012'",
    "[a, b]",
    "[a, b, ]",
    "[a, , b]",
    "[a b, c]",
    "[a: b]",
    "[a: b, c]",
    "[a:b]",
    "[? a]",
    "[a?b]",
    "[-]",
    "[- a]",
    "[-a, - ]",
    "[*x]",
    "['a':b]",
    '["a":b, c]',
    "{a: b}",
    "{a: b, }",
    "{a, b}",
    "{a: , b: }",
    "{a:b}",
    '{"a":b}',
    "{a: {b: [c, {d: e}]}}",
    "{a: b: c}",
    "{a: 012, b: yes, c: ~, d: 1:30}",
    "{on: 1, 2: 3, ~: 4, 1.5: 5}",
    "{[a]: b}",
    "{a: b, a: c}",
    "{? a : b}",
    "{? a}",
    "{: b}",
    "{a: http://x.y, b: c:d}",
    "!!omap [a: 1, b: 2]",
    "!!pairs [a: 1, a: 2]",
    "!!set {a}",
    "!!map {a: b}",
    "!!seq [a]",
    "!!seq {a: b}",
    "!!omap [a]",
    "! [a]",
    "!foo [a]",
]

CONTEXTS = [
    "{}",
    "{}\n",
    "a: {}\n",
    "- {}\n",
    "- a: {}\n  b: c\n",
    "- - {}\n  - b\n",
    "a:\n  {}\nb: c\n",
    "a:\n  b: {} # comment\n  c: d\n",
    "[x, {}, y]\n",
    "{{x: {}, y: z}}\n",
    "{}: x\n",
    "? {}\n: x\n",
    "--- {}\n...\n",
    "a: {}\r\nb: c\r\n",
]

DOCUMENTS = [
    "",
    "\n",
    "# comment",
    "---",
    "---\n",
    "---\n...\n",
    "...\n",
    "--- a\n---\n",
    "---\n---\n",
    "a\n...\n# b\n",
    "a\n...\n...\n",
    "a\n...\nb\n",
    "%YAML 1.1\n---\na\n",
    "%YAML 1.2\n---\na\n",
    "%YAML 2.0\n---\na\n",
    "%YAML 1.1\n%YAML 1.1\n---\na\n",
    "%YAML 1\n---\na\n",
    "%TAG ! tag:yaml.org,2002:\n---\n!str 1\n",
    "%TAG !y! tag:yaml.org,2002:\n---\n!y!str 1\n",
    "%TAG !y! tag:yaml.org,2002:\n",
    "%FOO bar\n--- a\n",
    "a: 1\n%b\n",
    "\ufeffa: b\n",
    "\ufeff# c\na: b\n",
    "a: \ufeffb\n",
    "a: b\r\nc:\r\n- d\r\n",
    "a: b\rc: d\r",
    "a: b\x85c: d\x85",
    "a: b\u2028c: d\n",
    "a: |\n  x\u2028  y\n",
    "a: \x07\n",
    "a: \x00\n",
    "a: \x7f\n",
    "a: \ufffe\n",
    # Plain text over lines.
    "a: b\n  c\n",
    "a: b\n\n  c\n",
    "a: b\n c\nd: e\n",
    "a: b\nc\n",
    "a:\n  b\n  c\n",
    "a:\n  b\n  c: d\n",
    "a: b\n  c: d\n",
    "a\nb: c\n",
    "a: b # x\n  c\n",
    "a: b\n# x\n  c\n",
    "- a\n b\n- c\n",
    "- a\nb\n",
    # Quotes over lines.
    'a: "b\n  c"\n',
    'a: "b\n\n  c"\n',
    'a: "b \\\n  c"\n',
    'a: "b\\\n  \\ c"\n',
    'a: "b\nc"\n',
    'a: "b\n--- c"\n',
    'a: "b\n---c"\n',
    "a: 'b\n  c'\n",
    "a: 'b\n\n\n  c'\n",
    'a: "b',
    "a: 'b",
    'a: "b\\',
    '"a\n b": c\n',
    '"a" : c\n',
    "'a': b\n\"c\": d\n",
    # Blocks of text.
    "a: |\n  b\n  c\n",
    "a: |\n  b\n\n  c\n\n\nd: e\n",
    "a: |-\n  b\n\n",
    "a: |+\n  b\n\n",
    "a: |+\n  b\n\n# c\nd: e\n",
    "a: >\n  b\n  c\n\n  d\n",
    "a: >\n  b\n   c\n  d\n",
    "a: >\n  b\n\n   c\n\n  d\n",
    "a: >-\n  b\n  c\n",
    "a: >+\n  b\n\n\n",
    "a: |2\n   b\n  c\n",
    "a: |1\n b\n",
    "a: |1-\n  b\n",
    "a: |-1\n  b\n",
    "a: |0\n  b\n",
    "a: |12\n  b\n",
    "a: |++\n  b\n",
    "a: |x\n  b\n",
    "a: | x\n  b\n",
    "a: | # x\n  b\n",
    "a: |# x\n  b\n",
    "a: |\n",
    "a: |",
    "a: |\nb: c\n",
    "a: |\n\n\n",
    "a: |+\n\n\n",
    "a: |\n    b\n  c\n",
    "a: |\n  b\n c\n",
    "a: |\n   \n  b\n",
    "a: |\n  # b\n  c\n",
    "a: |\n  b",
    "a: |-\n  b",
    "a: |\n  \tb\n",
    "a: |\n\tb\n",
    "- |\n b\n- c\n",
    "- |\n b\n  c\n d\n",
    "|\n a\n",
    "|\na\n",
    ">\n a\n b\n",
    "--- |\n a\n",
    "a: !!str |\n  1\n",
    "a: &x |\n  b\nc: *x\n",
    "a: |\r\n  b\r\n  c\r\n",
    "a: >\r\n  b\r\n  c\r\n",
    "? |\n  a\n: |\n  b\n",
    # Lists and mappings.
    "a:\n- b\n- c\n",
    "a:\n  - b\n  - c\n",
    "a:\n- b\nc: d\n",
    "a:\n- b: c\n  d: e\n- f\n",
    "a:\n- b:\n  - c\n  d: e\n",
    "a:\n-\n-\n- b\n",
    "a:\n- \n  b: c\n",
    "-\n  - a\n-\n  b: c\n",
    "- - a\n  - b\n- c\n",
    "- a\n-b\n",
    "-a\n-b\n",
    "- a\n - b\n",
    "a:\nb:\n",
    "a: \nb: \n",
    "a:\n  b: c\n d: e\n",
    "a:\n    b: c\n  d: e\n",
    "  a: b\n  c: d\n",
    "  a: b\nc: d\n",
    "a: b\n  c: d\n",
    "a: - b\n",
    "a: b: c\n",
    "a: b:\n",
    "a:b\n",
    "a:b: c\n",
    "a : b\n",
    "? a\n: b\n? c\n",
    "? a\n? b\n",
    ": a\n",
    "a: b\n: c\n",
    "? [a]\n: b\n",
    "? - a\n: b\n",
    "a: b\na: c\n",
    "1: a\n1.0: b\ntrue: c\n",
    "~: a\nnull: b\n: c\n",
    "yes: a\non: b\n",
    "2026-01-01: a\n",
    "a: [b,\n  c]\n",
    "a: [b,\nc]\n",
    "a: {b: c,\n  d: e}\n",
    "a: {\nb: c\n}\n",
    "a: {b\n: c}\n",
    "a: [b # x\n, c]\n",
    "a: [b\n c, d]\n",
    "a: [b",
    "a: [b\nc: d\n",
    "a: {b: c\nd: e\n",
    "a: ]\n",
    "a: }\n",
    "[a]: b\n",
    "{a: b}: c\n",
    "a: b\n- c\n",
    "- a\nb: c\n",
    "a\n- b\n",
    "a: b\n\n\n\nc: d\n",
    "#a\na: b #c\n#d\n",
    "a: b#c\n",
    "a: 'b'#c\n",
    "a: [b]#c\n",
    # Anchors, aliases and merges.
    "a: &x b\nc: *x\n",
    "a: &x [b]\nc: [*x, *x]\n",
    "a: &x {b: c}\nd: *x\n",
    "&x a: b\nc: *x\n",
    "&x\na: b\n",
    "a: &x\nb: *x\n",
    "a: &x\n  b: c\nd: *x\n",
    "a: &x\n- b\nd: *x\n",
    "a: *x\n",
    "a: &x 1\nb: &x 2\n",
    "*x : a\n",
    "a: &x b\n*x : c\n",
    "a: &x-y_1 b\nc: *x-y_1\n",
    "a: &x.y b\n",
    "a: & b\n",
    "a: &x *y\n",
    "a: &x &y b\n",
    "a: *x,\n",
    "a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}\n",
    "a: &x {b: 1, c: 2}\nd: {b: 3, <<: *x}\n",
    "a: &x {b: 1, c: 2}\nd:\n  e: 0\n  <<: *x\n  f: 5\n",
    "a: &x {b: 1, c: 2}\ny: &y {c: 3, d: 4}\nd:\n  <<: [*x, *y]\n",
    "a: &x {b: 1, c: 2}\ny: &y {c: 3, d: 4}\nd:\n  <<: [*y, *x]\n  z: 1\n",
    "a: &x {bb: 1, cc: 2}\ny: &y {<<: *x, cc: 3}\nd: {<<: *y}\ne: {<<: [*x, *y]}\n",
    "a: &x {b: 1}\nd:\n  <<: *x\n  <<: {b: 2, c: 3}\n",
    "a: {<<: {b: 1, b: 2}, c: 3}\n",
    "a: {<<: {b: 1}, b: 2, b: 3}\n",
    "a: {<<: {1: a, true: b}, 1.0: c}\n",
    "a: {<<: 1}\n",
    "a: {<<: ~}\n",
    "a: {<<: [1]}\n",
    "a: {<<: []}\n",
    "a: {<<: {}}\n",
    "a: {'<<': {b: 1}}\n",
    "a: {!!merge x: {b: 1}}\n",
    "a: [<<]\n",
    "<<: {a: b}\n",
    "=: a\n",
    "a: {=: b}\n",
    "a: !!set {b, c}\nd: e\n",
    "a: !!set\n  ? b\n  ? b\n",
    "a: !!omap\n- b: 1\n- c: 2\n",
    "a: !!omap\n- b: 1\n  c: 2\n",
    "a: !!pairs\n- b: 1\n- b: 2\n",
    "a: !!binary |\n  aGVs\n  bG8=\n",
    "a: !!str\nb: c\n",
    "a: !!str # x\n  b\n",
    "a: !!map\n  b: c\n",
    "a: !!python/object/apply:os.system [ls]\n",
    "!!str a: b\n",
    "? !!str 1\n: b\n",
    "a: &x !!str 1\nb: *x\n",
    # As people write prefect.yaml.
    "deployments:\n- name: one\n  tags: []\n  schedules:\n  - cron: 0 0 * * *\n    timezone: UTC\n",
    "deployments:\n  - name: one\n    schedule: &daily\n      cron: \"0 0 * * *\"\n  - name: two\n    schedule: *daily\n",
    "definitions:\n  work_pools:\n    a: &a\n      name: p\n      job_variables: {cpu: 256}\ndeployments:\n- name: b\n"
    "  work_pool:\n    <<: *a\n    job_variables: {memory: 512}\n",
    "pull:\n- prefect.deployments.steps.git_clone:\n    id: clone\n    repository: https://x.y/z.git\n"
    "    access_token: '{{ prefect.blocks.secret.t }}'\n",
    "build:\n- prefect.deployments.steps.run_shell_script:\n    script: |\n      set -e\n      echo \"a: b\"  # c\n"
    "    stream_output: no\n",
]


def iso(value):
    """As pydantic writes it."""
    text = value.isoformat()
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text


def key(value):
    if value is None:
        return "None"
    if isinstance(value, datetime.date):
        return iso(value)
    if isinstance(value, bytes):
        return value.decode()
    name = next(iter(json.loads(json.dumps({value: 0}))))
    name.encode()
    return name


def plain(value):
    """JSON of a value; what has none stands for itself as pydantic writes it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, str):
        value.encode()
        return value
    if isinstance(value, int):
        if not -(2**63) <= value < 2**64:
            raise ValueError("longer than 64 bits")
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.date):
        return iso(value)
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {key(name): plain(item) for name, item in value.items()}
    if isinstance(value, set):
        return sorted(plain(item) for item in value)
    return [plain(item) for item in value]


def expected(text):
    try:
        return {"text": text, "value": plain(yaml.safe_load(text))}
    except Exception as error:
        return {"text": text, "error": str(error).split("\n")[0] or type(error).__name__}


def main():
    words = list(dict.fromkeys([word for line in WORDS.strip().split("\n") for word in line.split(" ")] + SPACED))
    texts = [context.format(word) for word in words for context in CONTEXTS]
    texts = list(dict.fromkeys([text for text in texts if "\t" not in text] + DOCUMENTS))
    print("[")
    print(",\n".join(json.dumps(expected(text)) for text in texts))
    print("]")


main()
