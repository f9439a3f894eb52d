"""Renders pages in a browser. This module finds the installed browser, or says what to install."""

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec

from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.phrases import Language, say

VARIABLE = "CEGEP_AUDIT_CHROMIUM"  # path of a browser that is not on PATH
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the Chromium to use: the one that ``CEGEP_AUDIT_CHROMIUM`` names, else the first installed."""
    names = (environ[VARIABLE],) if environ.get(VARIABLE) else _NAMES
    return next(filter(None, (shutil.which(name, path=environ.get("PATH")) for name in names)), None)


def require(lang: Language, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the Chromium to use; raise UsageError, which says what to install, if a part is missing."""
    if find_spec("playwright") is None:
        raise UsageError(say("browser.no_extra", lang, command=install_command("browser")))
    path, named = find_chromium(environ), environ.get(VARIABLE, "")
    if path is None:
        raise UsageError(say("browser.not_there" if named else "browser.none", lang, variable=VARIABLE, path=named))
    return path
