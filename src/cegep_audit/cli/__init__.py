"""The command line: parse, call, print, exit code."""

import sys

EXIT_INTERRUPTED = 130

try:
    from cegep_audit.cli.app import main
    from cegep_audit.cli.usage import app
except KeyboardInterrupt:  # Ctrl-C while the program was still loading
    sys.exit(EXIT_INTERRUPTED)

__all__ = ["app", "main"]
