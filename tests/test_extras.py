"""The suggested command to install an extra fits how the tool was installed, and names no unrelated package."""

from __future__ import annotations

import sys
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from cegep_audit.extras import install_command

SOURCE = '{"url": "file:///home/me/cegep-audit", "dir_info": {"editable": %s}}'


class Installed(Distribution):
    """A distribution with made-up metadata."""

    def __init__(self, origin: str | None) -> None:
        self._origin = origin

    @property
    def metadata(self) -> Message:  # type: ignore[override] # the base class declares its own type
        message = Message()
        message["Name"] = "cegep-audit"
        for line in ("httpx>=0.28", "playwright>=1.50; extra == 'browser'", 'playwright>=1.50; extra == "dev"'):
            message["Requires-Dist"] = line
        return message

    def read_text(self, filename: str) -> str | None:
        return self._origin if filename == "direct_url.json" else None

    def locate_file(self, path: object) -> Path:
        return Path(str(path))


CASES = [
    ("/home/me/.local/share/pipx/venvs/cegep-audit", SOURCE % "false", "pipx inject cegep-audit 'playwright>=1.50'"),
    ("/home/me/.local/pipx/venvs/cegep-audit", None, "pipx inject cegep-audit 'playwright>=1.50'"),
    (
        "/home/me/.local/share/uv/tools/cegep-audit",
        SOURCE % "false",
        "uv tool install --with 'playwright>=1.50' /home/me/cegep-audit",
    ),
    (
        "/home/me/cegep-audit/.venv",
        SOURCE % "true",
        f"{sys.executable} -m pip install -e '/home/me/cegep-audit[browser]'",
    ),
    ("/home/me/venv", SOURCE % "false", f"{sys.executable} -m pip install 'playwright>=1.50'"),
    ("/home/me/venv", None, f"{sys.executable} -m pip install 'playwright>=1.50'"),
]


@pytest.mark.parametrize(("prefix", "origin", "expected"), CASES)
def test_install_command_fits_the_installer(prefix: str, origin: str | None, expected: str) -> None:
    assert install_command("browser", prefix=prefix, found=Installed(origin)) == expected
