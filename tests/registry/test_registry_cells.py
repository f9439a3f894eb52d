"""Websites and hosts as people write them in a registry, and the values that are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.registry.cells import CellError, hidden, read_host, read_website
from cegep_audit.urls import host_of, split

READ = {
    "plain URL": ("https://www.cegeprb.test/", "https://www.cegeprb.test/"),
    "http is kept": ("http://cegeprb.test", "http://cegeprb.test"),
    "scheme in upper case": ("HTTPS://cegeprb.test", "https://cegeprb.test"),
    "no scheme": ("www.cegeprb.test", "https://www.cegeprb.test"),
    "no scheme, with a path": ("cegeprb.test/fr/?a=b#c", "https://cegeprb.test/fr/?a=b#c"),
    "no scheme, with a port": ("cegeprb.test:8443", "https://cegeprb.test:8443"),
    "no scheme, with a port and a path": ("cegeprb.test:8443/fr", "https://cegeprb.test:8443/fr"),
    "leading slashes": ("//cegeprb.test/x", "https://cegeprb.test/x"),
    "internationalized host": ("https://cégeprb.test/é", "https://cégeprb.test/é"),
    "internationalized host in ASCII form": ("xn--cgeprb-bva.test", "https://xn--cgeprb-bva.test"),
    "single label with a scheme": ("http://localhost:8000/", "http://localhost:8000/"),
    "underscore": ("https://site_a.cegeprb.test", "https://site_a.cegeprb.test"),
    "trailing dot": ("https://cegeprb.test./", "https://cegeprb.test./"),
    "IPv4": ("http://192.0.2.7/", "http://192.0.2.7/"),
    "IPv6": ("http://[2001:db8::7]:8080/", "http://[2001:db8::7]:8080/"),
    "at sign in the path": ("https://cegeprb.test/@equipe", "https://cegeprb.test/@equipe"),
    "file name after a host": ("cegeprb.test/contact.html", "https://cegeprb.test/contact.html"),
}

REFUSED = {
    "empty": ("", "csv.empty_cell"),
    "too long": ("https://cegeprb.test/" + "x" * 2_000, "csv.long_text"),
    "escape sequence": ("https://cegeprb.test/\x1b[2J", "csv.control_character"),
    "path only": ("/contact", "registry.relative"),
    "query only": ("?id=3", "registry.relative"),
    "fragment only": ("#", "registry.relative"),
    "dots only": ("../", "registry.relative"),
    "single word": ("cegeprb", "registry.relative"),
    "single word with a port": ("localhost:8000", "registry.relative"),
    "file name only": ("contact.html", "registry.relative"),
    "question mark only": ("?", "registry.relative"),
    "ftp": ("ftp://cegeprb.test", "registry.scheme"),
    "ftps in upper case": ("FTPS://cegeprb.test", "registry.scheme"),
    "file": ("file:///etc/hosts", "registry.scheme"),
    "javascript": ("javascript:alert(1)", "registry.scheme"),
    "data": ("data:text/html,x", "registry.scheme"),
    "misspelled scheme": ("htpps://cegeprb.test", "registry.scheme"),
    "user and password": ("https://moi:motdepasse@cegeprb.test/", "registry.password"),
    "user only": ("https://motdepasse@cegeprb.test/", "registry.password"),
    "no scheme, with a password": ("moi:motdepasse@cegeprb.test", "registry.password"),
    "ftp with a password": ("ftp://moi:motdepasse@cegeprb.test", "registry.password"),
    "leading slashes, with a password": ("//moi:motdepasse@cegeprb.test", "registry.password"),
    "one slash, with a password": ("https:/moi:motdepasse@cegeprb.test", "registry.password"),
    "backslashes, with a password": ("https:\\\\moi:motdepasse@cegeprb.test", "registry.password"),
    "slash in the password": ("https://moi:mot/depasse@cegeprb.test/", "registry.bad_port"),
    "hash in the password": ("https://moi:mot#depasse@cegeprb.test/", "registry.bad_port"),
    "space in the password": ("https://moi:mot depasse@cegeprb.test/", "registry.password"),
    "too long, with a password": ("https://moi:" + "motdepasse" * 300 + "@" + "x" * 3_000, "csv.long_text"),
    "e-mail": ("info@cegeprb.test", "registry.email"),
    "mailto": ("mailto:info@cegeprb.test", "registry.email"),
    "space inside": ("https://cegep rb.test", "registry.blank"),
    "two addresses": ("https://a.test https://b.test", "registry.blank"),
    "line break inside": ("https://a.test\nhttps://b.test", "csv.control_character"),
    "no-break space inside": ("https://cegep\xa0rb.test", "registry.blank"),
    "backslashes": ("https:\\\\cegeprb.test", "registry.backslash"),
    "no host": ("https://", "registry.no_host"),
    "one slash": ("http:/cegeprb.test", "registry.no_host"),
    "no slash": ("https:cegeprb.test", "registry.no_host"),
    "unclosed bracket": ("https://[2001:db8::7/", "registry.no_host"),
    "port that is not a number": ("https://cegeprb.test:abc/", "registry.bad_port"),
    "port too high": ("https://cegeprb.test:99999/", "registry.bad_port"),
    "doubled scheme": ("https://https://cegeprb.test", "registry.bad_host"),
    "two dots": ("https://www..cegeprb.test", "registry.bad_host"),
    "two trailing dots": ("https://cegeprb.test../", "registry.bad_host"),
    "leading dot": ("https://.cegeprb.test", "registry.bad_host"),
    "leading hyphen": ("https://-cegeprb.test", "registry.bad_host"),
    "trailing hyphen": ("https://cegeprb-.test", "registry.bad_host"),
    "comma": ("https://www,cegeprb.test", "registry.bad_host"),
    "two addresses separated by a semicolon": ("https://a.test;https://b.test", "registry.bad_host"),
    "percent-encoded": ("https://ceg%65prb.test", "registry.bad_host"),
    "long label": (f"https://{'x' * 64}.test", "registry.bad_host"),
    "long name": (f"https://{'x.' * 130}test", "registry.bad_host"),
    "long internationalized name": (f"https://{'é.' * 130}test", "registry.bad_host"),
    "five IPv4 numbers": ("https://192.0.2.7.9/", "registry.bad_host"),
    "IPv4 number too high": ("https://192.0.2.777/", "registry.bad_host"),
    "decimal IPv4": ("https://3221225991/", "registry.bad_host"),
    "hexadecimal IPv4": ("https://0xC0000207/", "registry.bad_host"),
    "asterisks": ("https://*cegeprb*.test", "registry.bad_host"),
}


@pytest.mark.parametrize("case", READ)
def test_read_website(case: str) -> None:
    text, url = READ[case]
    assert read_website(text) == url
    assert split(url)
    assert host_of(url)


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_website_is_refused(case: str) -> None:
    text, key = REFUSED[case]
    with pytest.raises(CellError) as raised:
        read_website(text)
    assert raised.value.key == key
    assert not any("depasse" in str(fact) for fact in raised.value.facts.values())


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("cegeprb.test", "cegeprb.test"),
        ("WWW.CegepRB.test", "www.cegeprb.test"),
        ("https://www.cegeprb.test/fr/", "www.cegeprb.test"),
        ("Cégeprb.test.", "cégeprb.test"),
    ],
)
def test_read_host(text: str, host: str) -> None:
    assert read_host(text) == host


@given(st.text(alphabet=st.sampled_from("aé.-:/@#?\\[]% \t\x00htps1xn"), max_size=40) | st.text(max_size=60))
def test_arbitrary_text_is_a_website_or_an_error_that_hides_the_password(text: str) -> None:
    shown: list[str] = []
    try:
        url = read_website(text)
    except CellError as error:
        shown = [str(fact) for fact in error.facts.values()]
    else:
        assert split(url)
        assert host_of(url)
        assert read_website(url) == url
    assert not any("@" in fact.replace("***@", "") for fact in shown)


@given(password=st.text(alphabet="abcdefgh/#?:\\ ", min_size=3))
def test_password_is_never_shown(password: str) -> None:
    secret = f"<{password}>"
    for text in (f"https://moi:{secret}@a.test/", f"moi:{secret}@a.test", f"//{secret}@a.test"):
        with pytest.raises(CellError) as raised:
            read_website(text)
        assert secret not in str(raised.value.facts)
        assert hidden(text).endswith("***@a.test" + ("/" if text.endswith("/") else ""))
