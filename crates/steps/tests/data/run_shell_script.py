"""Makes run_shell_script.json: what `run_shell_script` of prefect 3.9.1 gives for scripts, and Python's words, lines and templates.

    python run_shell_script.py > run_shell_script.json
"""

import asyncio
import contextlib
import io
import os
import random
import shlex
import string
import tempfile

from prefect.deployments.steps.utility import run_shell_script
from table import write

SCRIPTS = [
    {"script": "echo one"},
    {"script": "echo one\necho two\n"},
    {"script": "\n\n   \necho after-empty-lines\n\n"},
    {"script": "printf '  spaces \\n\\n'"},
    {"script": "echo one\r\necho two\r\n"},
    {"script": "echo form\x0cecho feed"},
    {"script": "echo a\u2028echo b"},
    {"script": "echo 'a  b' \"c  d\" e\\ f ''"},
    {"script": "echo \"say \\\"hi\\\"\" 'it'\"'\"'s'"},
    {"script": "echo a#b # no comment"},
    {"script": "echo $HOME ${HOME} $$"},
    {"script": "echo \"$UNSET_VARIABLE\"", "expand_env_vars": True},
    {"script": "echo $NAME ${NAME} $$NAME $NAME2 ${NAME", "env": {"NAME": "world"}, "expand_env_vars": True},
    {"script": "echo $OTHER", "env": {"OTHER": "a b  c"}, "expand_env_vars": True},
    {"script": "echo \"$OTHER\"", "env": {"OTHER": "a b  c"}, "expand_env_vars": True},
    {"script": "echo $name $NÄME ${1} $1", "env": {"name": "lower", "N": "n"}, "expand_env_vars": True},
    {"script": "echo $OTHER", "env": {"OTHER": "it's"}, "expand_env_vars": True},
    {"script": "printenv NAME", "env": {"NAME": "world"}},
    {"script": "printenv STEP_ENVIRONMENT"},
    {"script": "printenv STEP_ENVIRONMENT", "env": {"STEP_ENVIRONMENT": "over"}},
    {"script": "printenv NOT_THERE_AT_ALL"},
    {"script": "echo hello | tr a-z A-Z", "shell": True},
    {"script": "  echo hello && echo bye  \n\n", "shell": True},
    {"script": "X=1\necho \"x${X}x\"", "shell": True},
    {"script": "echo $NAME $$NAME", "shell": True, "env": {"NAME": "world"}, "expand_env_vars": True},
    {"script": "echo out; echo err >&2", "shell": True},
    {"script": "exit 7", "shell": True},
    {"script": "echo before\nsh -c 'echo oops >&2; exit 3'\necho after"},
    {"script": "sh -c 'kill -9 $$'"},
    {"script": "true\nfalse"},
    {"script": "no-such-program --now"},
    {"script": "echo 'open"},
    {"script": "echo open\\"},
    {"script": "echo \"open\\"},
    {"script": "cat file.txt", "directory": "sub"},
    {"script": "cat file.txt", "directory": "missing"},
    {"script": "cat sub/file.txt", "directory": None, "env": None},
    {"script": "printf '\\xff\\xfe ok'"},
    {"script": "printf 'a\\r\\nb\\r\\n'"},
    {"script": "printf '\\034x\\037\\n\\302\\240'"},
    {"script": "echo >&2 to-stdout-as-words", "shell": False},
    {"script": "printf %s grüße"},
    {"script": ""},
    {"script": "pip --version>=3", "env": {"PATH": "/nowhere"}},
    {"script": "hello", "env": {"PATH": "bin"}},
    {"script": "printf '%s\\n' prefect>=3 foo|bar a&b x;y"},
    {"script": "printf '%s\\n' '|' \"&&\" \\; \\> 'a;'"},
]

LINES = ["a\nb", "a\r\nb\r", "\n\n", "a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i", "", "a\n\r\nb", "x\x1fy"]

NAMES = {"a": "1", "NAME": "value", "_x9": "under", "B": ""}


def words():
    """Random lines from what matters to shlex, with their words, or null where it refuses."""
    chance = random.Random(14)
    for _ in range(400):
        line = "".join(chance.choice(["a", "b ", " ", "'", '"', "\\", "#", "\t", "$", "ä", "|", "''"]) for _ in range(9))
        try:
            yield [line, shlex.split(line)]
        except ValueError:
            yield [line, None]


def templates():
    chance = random.Random(15)
    for _ in range(400):
        text = "".join(chance.choice(["$", "{", "}", "a", "NAME", "_x9", "B", " ", "1", "$$", "ä", "-"]) for _ in range(7))
        yield [text, string.Template(text).safe_substitute(NAMES)]


async def run(inputs):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return {"inputs": inputs, "outputs": await run_shell_script(**inputs)}
        except Exception as error:
            # The text of `run_shell_script`'s own error begins with the status.
            own = isinstance(error, RuntimeError)
            return {"inputs": inputs, "error": str(error).partition(":")[0] if own else type(error).__name__}


async def main():
    os.environ["STEP_ENVIRONMENT"] = "given"
    os.environ["HOME"] = "/home/step"
    os.chdir(tempfile.mkdtemp())
    os.makedirs("sub")
    with open("sub/file.txt", "w") as file:
        file.write("in the file\n")
    table = {
        "scripts": [await run(inputs) for inputs in SCRIPTS],
        "words": list(words()),
        "lines": [[text, text.splitlines()] for text in LINES],
        "names": NAMES,
        "templates": list(templates()),
    }
    write(table)


asyncio.run(main())
