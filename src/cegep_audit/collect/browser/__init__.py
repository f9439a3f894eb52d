"""Renders pages in a browser. This module finds the installed browser, or says what to install."""

import os
import shutil
from collections.abc import Mapping
from importlib.util import find_spec

from cegep_audit.errors import UsageError
from cegep_audit.extras import install_command
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language

VARIABLE = "CEGEP_AUDIT_CHROMIUM"  # path of a browser that is not on PATH
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the path of the Chromium to use: the one that ``CEGEP_AUDIT_CHROMIUM`` names, else the first installed."""
    if named := environ.get(VARIABLE):
        return shutil.which(named, path=environ.get("PATH"))
    found = (shutil.which(name, path=environ.get("PATH")) for name in _NAMES)
    return next((path for path in found if path), None)


def require(lang: Language, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of the Chromium to use; raise UsageError, which says what to install, if a part is missing."""
    if find_spec("playwright") is None:
        raise UsageError(say("browser.no_extra", lang, command=install_command("browser")))
    path = find_chromium(environ)
    if path is None:
        named = environ.get(VARIABLE)
        key = "browser.not_there" if named else "browser.none"
        raise UsageError(say(key, lang, variable=VARIABLE, path=named or ""))
    return path
