"""Packs built functions for Lambda: a zip with `bootstrap` for each, and the manifest that the Terraform module reads.

The zips hold nothing of when or where they were made, so the same binary gives the same bytes.
"""

import argparse
import base64
import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib
import zipfile

# The earliest that a zip can say.
MADE = (1980, 1, 1, 0, 0, 0)
# `e_machine` of an ELF file.
MACHINES = {"arm64": 0xB7, "x86_64": 0x3E}


def git(*arguments):
    """What git says, or nothing: sources may have come without their history."""
    try:
        return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def pack(binary, into, architecture):
    content = binary.read_bytes()
    # cargo-lambda builds for what Cargo.toml says rather than for what it is asked, where both do.
    if content[:4] != b"\x7fELF" or int.from_bytes(content[18:20], "little") != MACHINES[architecture]:
        sys.exit(f"{binary} is no binary for {architecture}")
    into.parent.mkdir(parents=True, exist_ok=True)
    entry = zipfile.ZipInfo("bootstrap", MADE)
    entry.create_system = 3  # Unix, so that Lambda reads the mode.
    entry.external_attr = 0o100755 << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr(entry, content, compresslevel=9)
    packed = into.read_bytes()
    return {
        "file": f"{into.parent.name}/{into.name}",
        # As `source_code_hash` has it, and CodeSha256 of Lambda's API.
        "sha256": base64.b64encode(hashlib.sha256(packed).digest()).decode(),
        "size": len(packed),
        "unpacked": len(content),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--built", type=pathlib.Path, required=True)
    parser.add_argument("--into", type=pathlib.Path, required=True)
    parser.add_argument("--functions", type=str.split, required=True)
    parser.add_argument("--architectures", type=str.split, required=True)
    parser.add_argument("--tools", required=True)
    of = parser.parse_args()

    functions = {
        function: {
            architecture: pack(
                of.built / architecture / "lambda" / function / "bootstrap",
                of.into / architecture / f"{function}.zip",
                architecture,
            )
            for architecture in of.architectures
        }
        for function in of.functions
    }
    compilers = {it: (of.built / it / "rustc-version").read_text().strip() for it in of.architectures}
    manifest = {
        "version": tomllib.loads(pathlib.Path("Cargo.toml").read_text())["workspace"]["package"]["version"],
        "revision": git("rev-parse", "HEAD") or "unknown",
        # Whether the tree was the revision's.
        "clean": git("status", "--porcelain") == "",
        "tools": of.tools,
        "rustc": compilers,
        "functions": functions,
    }
    (of.into / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    for function, built in functions.items():
        for architecture, it in built.items():
            print(f"{function:<11} {architecture:<7} {it['unpacked']:>9,} B, zipped {it['size']:>9,} B  {it['sha256']}")


if __name__ == "__main__":
    main()
