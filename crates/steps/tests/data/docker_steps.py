"""Makes docker_steps.json: what the docker steps of prefect-docker 0.7.4 make docker do, and command lines that do the same.

    python docker_steps.py > docker_steps.json

The steps with docker-py talk to a daemon that is made here and notes its requests. The command line of each case is
written by hand, and docker's own command line (with the classic builder) runs it against the same daemon: unless both make
the same requests there is no table. The steps with buildx run a `docker` that notes its arguments.
"""

import json
import os
import socketserver
import subprocess
import sys
import tarfile
import tempfile
import threading
from base64 import urlsafe_b64decode
from http.server import BaseHTTPRequestHandler
from io import BytesIO
from urllib.parse import parse_qsl, urlsplit

from table import write

ID = "sha256:" + "ab" * 32
HOME = tempfile.mkdtemp()
ROOT = os.path.join(HOME, "project")
SOCKET = os.path.join(HOME, "docker.sock")
REQUESTS = []

# Inputs, and the words behind `docker`. `ROOT`, the Dockerfile and the file for the id are filled in.
BUILDS = [
    ({}, ["--pull"]),
    ({"pull": False}, []),
    ({"tag": "dev", "additional_tags": ["v1", "v2"]}, ["--pull"]),
    ({"nocache": True, "forcerm": True, "rm": True}, ["--pull", "--no-cache", "--rm=true", "--force-rm"]),
    ({"rm": False}, ["--pull", "--rm=false"]),
    ({"gzip": True}, ["--pull", "--compress"]),
    ({"squash": True}, ["--pull", "--squash"]),
    (
        {"container_limits": {"memory": 104857600, "memswap": -1, "cpushares": 2, "cpusetcpus": "0-1"}},
        ["--pull", "--memory", "104857600", "--memory-swap", "-1", "--cpu-shares", "2", "--cpuset-cpus", "0-1"],
    ),
    (
        {"buildargs": {"VERSION": "1.0", "EMPTY": "", "WITH": "a b=c"}},
        ["--pull", "--build-arg", "VERSION=1.0", "--build-arg", "EMPTY=", "--build-arg", "WITH=a b=c"],
    ),
    ({"shmsize": 1000000}, ["--pull", "--shm-size", "1000000"]),
    (
        {"labels": {"team": "data", "io.prefect.version": "mine"}},
        ["--pull", "--label", "team=data", "--label", "io.prefect.version=3.9.1"],
    ),
    ({"cache_from": ["a:1", "b:2"]}, ["--pull", "--cache-from", "a:1", "--cache-from", "b:2"]),
    ({"target": "base", "network_mode": "host"}, ["--pull", "--target", "base", "--network", "host"]),
    ({"extra_hosts": {"db": "10.0.0.1", "x": "::1"}}, ["--pull", "--add-host", "db:10.0.0.1", "--add-host", "x:::1"]),
    ({"platform": "linux/amd64"}, ["--pull", "--platform", "linux/amd64"]),
    ({"isolation": "default"}, ["--pull", "--isolation", "default"]),
    ({"dockerfile": "docker/Other"}, ["--pull"]),
    ({"path": "docker", "dockerfile": "Other"}, ["--pull"]),
    ({"path": "."}, ["--pull"]),
    ({"dockerfile": "auto"}, ["--pull"]),
]

# In the order in which python-on-whales writes them, so no words are needed.
BUILDX = [
    {},
    {"pull": False, "cache": False, "load": True, "progress": "plain"},
    {"progress": "auto", "additional_tags": ["v1"]},
    {"platforms": ["linux/amd64", "linux/arm64"], "push": True},
    {"platform": "linux/arm64"},
    {"platform": ["linux/arm64"]},
    {"build_args": {"N": 1, "T": True, "S": "a b"}, "add_hosts": {"db": "10.0.0.1"}, "allow": ["network.host"]},
    {"secrets": "id=aws,src=credentials", "ssh": "default", "target": "base", "network": "host"},
    {"secrets": ["id=a", "id=b"], "builder": "default", "build_contexts": {"lib": "../lib"}},
    {"cache_from": "user/app:cache", "cache_to": "type=local,dest=cache"},
    {"cache_from": {"type": "local", "src": "cache"}, "cache_to": {"type": "local", "dest": "cache", "mode": "max"}},
    {"cache_from": [{"type": "registry", "ref": "a"}, {"type": "gha"}]},
    {"output": {"type": "docker"}},
    {"output": {"type": "local", "dest": "out"}},
    {"provenance": False, "sbom": True, "attest": {"type": "sbom"}, "metadata_file": "meta.json"},
    {"provenance": {"mode": "max"}, "sbom": {"generator": "x"}, "labels": {"team": "data", "n": 2}},
    {"path": "docker", "dockerfile": "Other"},
]

LOGIN = {"username": "me", "password": "secret", "registry_url": "registry.test"}

PUSHES = [
    ({"tag": "dev"}, [["push", "registry.test/team/app:dev"]]),
    ({}, [["push", "--all-tags", "registry.test/team/app"]]),
    ({"tag": "dev", "additional_tags": ["v1"]}, [["push", "registry.test/team/app:dev"], ["push", "registry.test/team/app:v1"]]),
    (
        {"tag": "dev", "credentials": LOGIN},
        [["login", "--password-stdin", "--username", "me", "registry.test"], ["push", "registry.test/team/app:dev"]],
    ),
]

NAMES = ["app", "team/app", "registry.test/app", "localhost:5000/app", "registry.test/a/b/c", "a/b/c/d"]

DEFAULTS = {
    "q": ["", "0", "False"],
    "pull": ["", "0", "False"],
    "nocache": ["", "0", "False"],
    "forcerm": ["", "0", "False"],
    "rm": ["", "0", "1", "True", "False"],
    "buildargs": ["{}"],
    "cachefrom": ["[]"],
    "cgroupparent": [""],
    "cpuperiod": ["0"],
    "cpuquota": ["0"],
    "cpusetcpus": [""],
    "cpusetmems": [""],
    "cpushares": ["0"],
    "memory": ["0"],
    "memswap": ["0"],
    "networkmode": ["default"],
    "shmsize": ["0"],
    "target": [""],
    "ulimits": ["null", "[]"],
    "version": ["1"],
    "isolation": ["default"],
    "remote": [""],
}


class Daemon(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    def answer(self, *documents):
        self.send_response(200)
        for name, value in [("Api-Version", "1.43"), ("Ostype", "linux"), ("Docker-Experimental", "true"), ("Content-Type", "application/json")]:
            self.send_header(name, value)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            for document in [*(json.dumps(document) + "\r\n" for document in documents), ""]:
                self.wfile.write(f"{len(document):x}\r\n{document}\r\n".encode())

    def handle_any(self):
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        # `t` may come more than once.
        query["t"] = [value for name, value in parse_qsl(parts.query) if name == "t"]
        path = parts.path.removeprefix("/v1.43")
        body = self.body()
        if path == "/_ping":
            return self.answer({})
        if path == "/version":
            return self.answer({"Version": "24.0", "ApiVersion": "1.43", "MinAPIVersion": "1.12"})
        if path == "/info":
            return self.answer({"IndexServerAddress": "https://index.docker.io/v1/", "OSType": "linux", "ExperimentalBuild": True})
        if path.endswith("/json"):
            return self.answer({"Id": ID, "RepoTags": []})
        REQUESTS.append((path, query, self.headers, body))
        if path == "/build":
            return self.answer({"stream": "Step 1\n"}, {"aux": {"ID": ID}}, {"stream": "Successfully built\n"})
        if path == "/auth":
            return self.answer({"Status": "Login Succeeded", "IdentityToken": ""})
        return self.answer({"status": "done"})

    do_GET = do_POST = do_HEAD = handle_any

    def log_message(self, *_):
        pass

    def address_string(self):
        return "unix"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def spelled(value):
    return {"True": "1", "False": "0"}.get(value, value)


def contents(archive):
    """The files of a build's context. docker's own archive does not always end as it should."""
    try:
        for member in (found := tarfile.open(fileobj=BytesIO(archive), mode="r|*")):
            if member.isfile():
                yield member.name, found.extractfile(member).read().decode()
    except tarfile.ReadError:
        return


def wishes():
    """The requests so far, in words that both clients share."""
    seen = {"tags": []}
    for path, query, headers, body in REQUESTS:
        tags = query.pop("t")
        if path == "/build":
            asked = {name: spelled(value) for name, value in query.items() if value not in DEFAULTS.get(name, [])}
            asked["labels"] = json.loads(asked["labels"])
            for name in ["buildargs", "cachefrom"]:
                if name in asked:
                    asked[name] = json.loads(asked[name])
            file = asked.pop("dockerfile", "Dockerfile")
            files = dict(contents(body))
            asked["Dockerfile"] = files.pop(file)
            # One that docker gets from its input it adds under a name of its own, and an ignore file that leaves it out.
            asked["files"] = sorted(files.keys() - {".dockerignore", "Dockerfile"})
            seen["build"] = asked
            seen["tags"] += tags
        elif path.endswith("/tag"):
            seen["tags"].append(f"{query['repo']}:{query['tag']}")
        elif path.endswith("/push"):
            auth = json.loads(urlsafe_b64decode(headers.get("X-Registry-Auth", "") or "e30="))
            auth = {name: auth[name] for name in ["username", "password"] if auth.get(name)}
            seen.setdefault("pushes", []).append([path, query.get("tag", ""), auth])
        elif path == "/auth":
            login = json.loads(body)
            seen["login"] = {name: login.get(name) for name in ["username", "password", "serveraddress"]}
    REQUESTS.clear()
    return seen


def real(step, inputs, environment={}):
    """The outputs of the real step, in a process of its own."""
    program = (
        "import json, sys, prefect_docker.deployments.steps as steps\n"
        "name, inputs = json.load(sys.stdin)\n"
        "out = getattr(steps, name)(**inputs)\n"
        "print(); print(json.dumps(out))\n"
    )
    given = json.dumps([step, inputs])
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, "-c", program], input=given, capture_output=True, text=True, cwd=ROOT, env=environment)
    if done.returncode:
        raise SystemExit(f"{inputs}: {done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def docker(words, stdin):
    done = subprocess.run(["docker", *words], input=stdin, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{words}: {done.stderr}")


def classic(inputs, words):
    """The words of a build, if they ask the daemon for what the step asks."""
    context = os.path.normpath(os.path.join(ROOT, inputs.get("path", "")))
    auto = inputs.get("dockerfile") == "auto"
    file = "-" if auto else os.path.join(context, inputs.get("dockerfile", "Dockerfile"))
    filled = {"image_name": "registry.test/team/app", "tag": "dev", **inputs}
    aside = os.path.join(HOME, "aside")
    if auto:
        os.rename(os.path.join(ROOT, "Dockerfile"), aside)
    outputs = real("build_docker_image", filled)
    asked = wishes()
    generated = asked["build"]["Dockerfile"] if auto else None
    if "--label" not in words:
        words = [*words, "--label", "io.prefect.version=3.9.1"]
    tags = [filled["tag"], *inputs.get("additional_tags", [])]
    words = ["build", *words, "--file", file, *(word for tag in tags for word in ["--tag", f"registry.test/team/app:{tag}"])]
    words += ["--iidfile", os.path.join(HOME, "id"), context]
    docker(words, generated)
    told = wishes()
    if auto:
        os.rename(aside, os.path.join(ROOT, "Dockerfile"))
    if asked != told:
        raise SystemExit(f"{inputs}\nPython asks {json.dumps(asked)}\ndocker asks {json.dumps(told)}")
    return {"inputs": filled, "docker": [named(words)], "stdin": generated, "outputs": outputs}


def pushes(inputs, commands):
    filled = {"image_name": "registry.test/team/app", **inputs}
    outputs = real("push_docker_image", filled)
    asked = wishes()
    for command in commands:
        docker(command, "secret" if command[0] == "login" else None)
    told = wishes()
    if asked != told:
        raise SystemExit(f"{inputs}\nPython asks {json.dumps(asked)}\ndocker asks {json.dumps(told)}")
    return {"inputs": filled, "docker": commands, "outputs": outputs}


def buildx(step, inputs):
    """What the step runs, with a `docker` that notes its words and claims to have built."""
    notes = os.path.join(HOME, "notes")
    filled = {"image_name": "registry.test/team/app", "tag": "dev", "build_backend": "buildx", **inputs}
    outputs = real(step, filled, {"PATH": os.path.join(HOME, "bin") + ":" + os.environ["PATH"], "NOTES": notes, "IMAGE_ID": ID})
    with open(notes) as file:
        commands = [json.loads(line) for line in file]
    os.remove(notes)
    # python-on-whales also looks at the builder and at the image.
    commands = [words for words in commands if words[1] not in ("inspect", "ls")]
    return {"inputs": filled, "docker": [named(words) for words in commands], "outputs": outputs}


def named(words):
    ids = [words[at + 1] for at, word in enumerate(words[:-1]) if word == "--iidfile"]
    return ["<ID>" if word in ids else word.replace(ROOT, "<ROOT>") for word in words]


def name(image, namespace):
    outputs = real("push_docker_image", {"image_name": image, "tag": "t"}, {"PREFECT_DEFAULT_DOCKER_BUILD_NAMESPACE": namespace})
    REQUESTS.clear()
    return [image, namespace, outputs["image_name"]]


STAND_IN = f"""#!{sys.executable}
import json, os, sys
words = sys.argv[1:]
with open(os.environ["NOTES"], "a") as notes:
    notes.write(json.dumps(words) + "\\n")
if words[:2] == ["buildx", "inspect"]:
    print("Name: default")
elif words[:2] == ["buildx", "ls"]:
    print(json.dumps({{"Name": "default", "Driver": "docker"}}))
elif words[:2] == ["image", "inspect"]:
    print(json.dumps([{{"Id": os.environ["IMAGE_ID"], "RepoTags": []}}]))
elif "--iidfile" in words:
    with open(words[words.index("--iidfile") + 1], "w") as file:
        file.write(os.environ["IMAGE_ID"])
"""


def project():
    os.makedirs(os.path.join(ROOT, "docker"))
    os.makedirs(os.path.join(HOME, "bin"))
    files = {
        "Dockerfile": "FROM scratch\n",
        "docker/Other": "FROM other\n",
        "docker/Dockerfile": "FROM inner\n",
        "requirements.txt": "pandas\n",
        "flow.py": "",
        ".dockerignore": "*.pyc\n",
        "x.pyc": "",
    }
    for path, text in files.items():
        with open(os.path.join(ROOT, path), "w") as file:
            file.write(text)
    stand_in = os.path.join(HOME, "bin", "docker")
    with open(stand_in, "w") as file:
        file.write(STAND_IN)
    os.chmod(stand_in, 0o755)


def main():
    project()
    os.environ.update(DOCKER_HOST=f"unix://{SOCKET}", DOCKER_CONFIG=os.path.join(HOME, "config"), DOCKER_BUILDKIT="0")
    threading.Thread(target=Server(SOCKET, Daemon).serve_forever, daemon=True).start()
    write(
        {
            "builds": [classic(inputs, words) for inputs, words in BUILDS],
            "buildx": [buildx("build_docker_image", inputs) for inputs in BUILDX],
            "pushes": [pushes(inputs, commands) for inputs, commands in PUSHES],
            "buildx_pushes": [buildx("push_docker_image", inputs) for inputs in [{}, {"additional_tags": ["v1"]}, {"credentials": LOGIN}]],
            "names": [name(image, namespace) for image in NAMES for namespace in ["", "registry.test/team"]],
        }
    )


main()
