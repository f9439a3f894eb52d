"""Run the command line with ``python -m cegep_audit``."""

from cegep_audit.cli import main

main()
