"""The command line: parse, call, print, exit code."""

import sys

try:
    from cegep_audit.cli.program import app, main
except KeyboardInterrupt:  # Ctrl-C while the program was still loading
    sys.exit(130)

__all__ = ["app", "main"]
