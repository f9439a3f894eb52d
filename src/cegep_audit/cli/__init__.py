"""The command line: parse, call, print, exit code."""

from cegep_audit.cli.app import app, main

__all__ = ["app", "main"]
