"""Builds the command that adds an optional extra to this installation, with the installer that created it."""

import json
import re
import shlex
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import PurePath

_NAME = "cegep-audit"


def install_command(extra: str, *, prefix: str = sys.prefix, found: Distribution | None = None) -> str:
    """Return the command that adds *extra* to the environment at *prefix*, ready to copy.

    It never names ``cegep-audit`` on a package index, because the owner of that name decides what it installs.
    """
    try:
        found = found or distribution(_NAME)
    except PackageNotFoundError:  # run from its folder, without being installed
        return shlex.join(["pip", "install", "-e", f".[{extra}]"])
    marked = re.compile(rf"(?P<package>[^;]+?)\s*;\s*extra\s*==\s*['\"]{re.escape(extra)}['\"]")
    packages = [match["package"] for line in found.requires or [] if (match := marked.fullmatch(line))]
    origin = json.loads(found.read_text("direct_url.json") or "{}")
    source = str(origin.get("url", "")).removeprefix("file://")
    parts = PurePath(prefix).parts
    if "pipx" in parts:
        return shlex.join(["pipx", "inject", _NAME, *packages])
    if "uv" in parts and "tools" in parts and source:
        return shlex.join(["uv", "tool", "install", "--with", ",".join(packages), source])
    if origin.get("dir_info", {}).get("editable"):
        packages = ["-e", f"{source}[{extra}]"]
    return shlex.join([sys.executable, "-m", "pip", "install", *packages])
