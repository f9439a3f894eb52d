"""Start ``cegep-audit`` quickly: fork each process from one that has already loaded the libraries.

The tests start hundreds of processes, and a fork takes a tenth of a second instead of one. Each fork has its own
environment, folder, streams and exit code. It loads the command line itself, because that depends on the language.
A test that checks how the program starts, or kills it, runs ``python -m cegep_audit`` instead.

``python preloaded.py SOCKET`` loads the libraries and listens; ``python preloaded.py SOCKET WORD…`` runs a command.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import runpy
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from select import select

_OF_EACH = ("cegep_audit.cli", "cegep_audit.__main__")  # each command loads these: they depend on its language
# Libraries that the program imports only when it needs them.
_LIBRARIES = (
    *("babel.dates", "babel.numbers", "jinja2", "openpyxl", "pandas", "rich.table", "scipy.optimize"),
    *("scipy.stats", "publicsuffixlist", "typer._adapters", "typer.rich_utils", "xlsxwriter"),
)


def ask(listener: Path, words: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> int:
    """Run a command with these standard *streams* and return its exit code; raise TimeoutError after five minutes."""
    request = json.dumps({"words": words, "folder": folder, "environment": environment}).encode()
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(300)
        line.connect(str(listener))
        socket.send_fds(line, [len(request).to_bytes(4, "big")], streams)
        line.sendall(request)
        return int(line.recv(16))


def _listen(listener: Path) -> None:
    """Load the libraries and fork a process for each command; return only in such a process, ready to run it."""
    import cegep_audit

    for top in pkgutil.iter_modules(cegep_audit.__path__, "cegep_audit."):
        if top.name not in _OF_EACH:
            found = importlib.import_module(top.name)
            for module in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{top.name}."):
                if module.name != "cegep_audit.scan.cluster":  # importing it starts threads
                    importlib.import_module(module.name)
    for name in _LIBRARIES:
        importlib.import_module(name)
    assert not set(_OF_EACH) & set(sys.modules)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listener))
        server.listen()
        gc.freeze()  # otherwise a collection in each child would copy all objects
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while server in select([server, sys.stdin], [], [])[0]:
            line, _ = server.accept()
            with suppress(ChildProcessError):  # reap the children that have ended
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork() == 0:
                server.close()
                return _become(line)
            line.close()
    sys.exit()  # the process that started this one has ended


def _become(line: socket.socket) -> None:
    """Read the request and fork again: the parent reports the exit code, the child becomes the command."""
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    request = json.loads(_whole(line, int.from_bytes(head, "big")))
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        line.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    line.close()
    for place, stream in enumerate(streams):
        os.dup2(stream, place)
        os.close(stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["cegep_audit", *request["words"]]
    sys.stdin, sys.stdout, sys.stderr = (  # as Python opens them with PYTHONUTF8=1
        io.TextIOWrapper(os.fdopen(place, mode), "utf-8", errors, line_buffering=place == 2)
        for place, mode, errors in (
            (0, "rb", "surrogateescape"),
            (1, "wb", "surrogateescape"),
            (2, "wb", "backslashreplace"),
        )
    )


def _whole(line: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += line.recv(size - len(data))
    return data


def _run() -> int:
    """Run the command and return the exit code that Python would give."""
    try:
        runpy.run_module("cegep_audit", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - Python would print it too
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if len(sys.argv) > 2:
        sys.exit(ask(place, sys.argv[2:], str(Path.cwd()), dict(os.environ), [0, 1, 2]))
    _listen(place)
    code = _run()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # skip the interpreter's shutdown, which takes a second
