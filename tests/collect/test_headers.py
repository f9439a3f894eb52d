from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.collect.http.live import LiveWeb
from cegep_audit.collect.politeness import PROJECT_URL, user_agent
from cegep_audit.models import Limits


@pytest.mark.parametrize(
    ("contact", "comment"),
    [
        (None, ""),
        ("", ""),
        ("  ", ""),
        ("recherche@cegeprb.test", "; recherche@cegeprb.test"),
        ("Élise Côté <e@cegeprb.test>", "; Elise Cote <e@cegeprb.test>"),
        ("a\r\nX-Evil: 1", "; a X-Evil: 1"),
        ("(moi)\\", "; moi"),
    ],
)
def test_the_user_agent_names_the_project_and_the_contact(contact: str | None, comment: str) -> None:
    assert user_agent(contact, "1.2") == f"cegep-audit/1.2 (+{PROJECT_URL}{comment})"


@given(st.text(max_size=400))
def test_any_contact_gives_one_ascii_header_line(contact: str) -> None:
    agent = user_agent(contact, "1.2")
    assert agent.isascii()
    assert agent.isprintable()
    assert agent.count("(") == agent.count(")") == 1
    assert len(agent) < 300


def test_the_headers_do_not_imitate_a_browser() -> None:
    headers = dict(LiveWeb(Limits(), user_agent(None, "1.2")).headers)
    assert "mozilla" not in str(headers).lower()
    assert headers[b"Accept-Encoding"] == b"gzip"


def test_imports_load_no_unneeded_package() -> None:
    """Live visits need neither httpx's command line, which loads pygments, nor numpy; replays do not need httpx."""
    code = "import sys, cegep_audit.collect.site; print({'httpx', 'requests', 'numpy'} & set(sys.modules)); "
    code += "import cegep_audit.collect.http.live; print({'pygments', 'requests', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nset()\n"
