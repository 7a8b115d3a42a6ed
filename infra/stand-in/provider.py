"""A provider that has the AWS provider's schema and knows no AWS: enough for `validate`, and for `test` with a mocked provider.

It speaks plugin protocol 6 (the field numbers below are that protocol's, `tfplugin6.proto`): one answer has content, the schema;
all others say that nothing is wrong. What the schema cannot say is checked here: that nothing sets what is only computed, and
that AWS would take the values (rules.py).
"""

import base64
import concurrent.futures
import datetime
import json
import os
import pathlib
import sys
import threading

import grpc
import msgpack
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import values

NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(int(value)) if value else b""


def chunk(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def attribute(name, it):
    flags = number(4, it.get("required")) + number(5, it.get("optional")) + number(6, it.get("computed"))
    return chunk(1, name) + chunk(2, json.dumps(it["type"])) + flags


def block(it):
    out = b"".join(chunk(2, attribute(name, member)) for name, member in sorted(it["attributes"].items()))
    for name, nested in sorted(it["block_types"].items()):
        counts = number(3, NESTING[nested["nesting"]])
        if nested["nesting"] in ("list", "set"):
            counts += number(4, nested["min"]) + number(5, nested["max"])
        out += chunk(3, chunk(1, name) + chunk(2, block(nested["block"])) + counts)
    return out


def schema(it):
    return chunk(2, block(it))


def schemas(all_of_it):
    out = chunk(1, schema(all_of_it["provider"]))
    for field, kind in ((2, "resource"), (3, "data")):
        for name, it in sorted(all_of_it[kind].items()):
            out += chunk(field, chunk(1, name) + chunk(2, schema(it)))
    return out


def fields(message):
    """The length-delimited fields of a message: number to content."""
    at, found = 0, {}

    def read():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(message):
        key, value = read(), read()
        # A number is its value; anything else that comes here has a length.
        if key & 7 == 2:
            found[key >> 3] = message[at : at + value]
            at += value
    return found


def unconfigurable(it, value, path):
    """Paths of what is set and only computed."""
    if not isinstance(value, dict):
        return
    for name, member in it["attributes"].items():
        if member.get("computed") and not member.get("optional") and value.get(name) is not None:
            yield f"{path}{name}"
    for name, nested in it["block_types"].items():
        inside = value.get(name)
        for inner in inside if isinstance(inside, list) else []:
            yield from unconfigurable(nested["block"], inner, f"{path}{name}.")


class Provider(grpc.GenericRpcHandler):
    def __init__(self, all_of_it, rules):
        self.schemas, self.rules, self.answer = all_of_it, rules, schemas(all_of_it)
        self.stopped = threading.Event()

    def service(self, details):
        method = details.method
        if method == "/tfplugin6.Provider/GetProviderSchema":
            handle = lambda request, context: self.answer
        elif method in ("/tfplugin6.Provider/ValidateResourceConfig", "/tfplugin6.Provider/ValidateDataResourceConfig"):
            kind = "data" if "DataResource" in method else "resource"
            handle = lambda request, context: self.validate(kind, request)
        elif method == "/plugin.GRPCController/Shutdown":
            handle = self.shutdown
        elif method in (
            "/tfplugin6.Provider/ValidateProviderConfig",
            "/tfplugin6.Provider/ConfigureProvider",
            "/tfplugin6.Provider/StopProvider",
        ):
            handle = lambda request, context: b""
        else:
            return None
        return grpc.unary_unary_rpc_method_handler(handle)

    def validate(self, kind, request):
        request = fields(request)
        name = request[1].decode()
        config = fields(request.get(2, b"")).get(1)
        if not config:
            return b""
        # Unknown values come as extensions.
        value = msgpack.unpackb(config, ext_hook=lambda code, data: values.UNKNOWN, strict_map_key=False)
        errors = [f"{name}.{path} is computed, and cannot be set" for path in unconfigurable(self.schemas[kind][name], value, "")]
        if kind == "resource":
            errors += self.refused(name, value)
        # Severity 1 is an error.
        return b"".join(chunk(1, number(1, 1) + chunk(2, error)) for error in errors)

    def refused(self, name, value):
        rule = self.rules.get(name)
        if rule is None:
            return [f"no rule says what {name} may be: infra/stand-in/fields.py"]
        found = [f"{name}.{path}: no rule says what it may be (infra/stand-in/fields.py)" for path in values.unruled(rule, value, "")]
        return found + [f"{name}.{finding}" for finding in values.check(rule, value, "")]

    def shutdown(self, request, context):
        self.stopped.set()
        return b""


def certificate():
    """A key and a certificate for this process; Terraform trusts the one that it is shown at the start."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, made.public_bytes(pem), made.public_bytes(serialization.Encoding.DER)


def main():
    if "PLUGIN_PROTOCOL_VERSIONS" not in os.environ:
        sys.exit("Terraform starts this.")
    provider = Provider(*(json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:3]))
    key, pem, der = certificate()
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers([provider])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, pem)]))
    server.start()
    shown = base64.b64encode(der).decode().rstrip("=")
    print(f"1|6|tcp|127.0.0.1:{port}|grpc|{shown}", flush=True)
    provider.stopped.wait()
    server.stop(0.1)
    # Threads that wait for streams are nobody's any more.
    os._exit(0)


if __name__ == "__main__":
    main()
