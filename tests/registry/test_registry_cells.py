from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cegep_audit.registry.cells import CellError, hidden, read_host, read_website
from cegep_audit.urls import host_of, split

READ = {
    "as it should be": ("https://www.cegeprb.test/", "https://www.cegeprb.test/"),
    "http stays": ("http://cegeprb.test", "http://cegeprb.test"),
    "scheme in capitals": ("HTTPS://cegeprb.test", "https://cegeprb.test"),
    "no scheme": ("www.cegeprb.test", "https://www.cegeprb.test"),
    "no scheme, a path": ("cegeprb.test/fr/?a=b#c", "https://cegeprb.test/fr/?a=b#c"),
    "no scheme, a port": ("cegeprb.test:8443", "https://cegeprb.test:8443"),
    "no scheme, a port and a path": ("cegeprb.test:8443/fr", "https://cegeprb.test:8443/fr"),
    "two slashes first": ("//cegeprb.test/x", "https://cegeprb.test/x"),
    "international": ("https://cégeprb.test/é", "https://cégeprb.test/é"),
    "international, its ASCII form": ("xn--cgeprb-bva.test", "https://xn--cgeprb-bva.test"),
    "one label, with a scheme": ("http://localhost:8000/", "http://localhost:8000/"),
    "an underscore": ("https://site_a.cegeprb.test", "https://site_a.cegeprb.test"),
    "a final dot": ("https://cegeprb.test./", "https://cegeprb.test./"),
    "IPv4": ("http://192.0.2.7/", "http://192.0.2.7/"),
    "IPv6": ("http://[2001:db8::7]:8080/", "http://[2001:db8::7]:8080/"),
    "an at sign in the path": ("https://cegeprb.test/@equipe", "https://cegeprb.test/@equipe"),
    "a page, with its site": ("cegeprb.test/contact.html", "https://cegeprb.test/contact.html"),
}

REFUSED = {
    "empty": ("", "csv.empty_cell"),
    "too long": ("https://cegeprb.test/" + "x" * 2_000, "csv.long_text"),
    "escape sequence": ("https://cegeprb.test/\x1b[2J", "csv.control_character"),
    "path alone": ("/contact", "registry.relative"),
    "query alone": ("?id=3", "registry.relative"),
    "fragment alone": ("#", "registry.relative"),
    "dots alone": ("../", "registry.relative"),
    "one word": ("cegeprb", "registry.relative"),
    "one word and a port": ("localhost:8000", "registry.relative"),
    "a page alone": ("contact.html", "registry.relative"),
    "to be found": ("?", "registry.relative"),
    "ftp": ("ftp://cegeprb.test", "registry.scheme"),
    "ftps in capitals": ("FTPS://cegeprb.test", "registry.scheme"),
    "file": ("file:///etc/hosts", "registry.scheme"),
    "javascript": ("javascript:alert(1)", "registry.scheme"),
    "data": ("data:text/html,x", "registry.scheme"),
    "misspelt": ("htpps://cegeprb.test", "registry.scheme"),
    "user and password": ("https://moi:motdepasse@cegeprb.test/", "registry.password"),
    "user alone": ("https://motdepasse@cegeprb.test/", "registry.password"),
    "no scheme, password": ("moi:motdepasse@cegeprb.test", "registry.password"),
    "ftp with a password": ("ftp://moi:motdepasse@cegeprb.test", "registry.password"),
    "two slashes first, password": ("//moi:motdepasse@cegeprb.test", "registry.password"),
    "one slash, password": ("https:/moi:motdepasse@cegeprb.test", "registry.password"),
    "backslashes, password": ("https:\\\\moi:motdepasse@cegeprb.test", "registry.password"),
    "slash in the password": ("https://moi:mot/depasse@cegeprb.test/", "registry.bad_port"),
    "number sign in the password": ("https://moi:mot#depasse@cegeprb.test/", "registry.bad_port"),
    "blank in the password": ("https://moi:mot depasse@cegeprb.test/", "registry.password"),
    "too long, with a password": ("https://moi:" + "motdepasse" * 300 + "@" + "x" * 3_000, "csv.long_text"),
    "e-mail": ("info@cegeprb.test", "registry.email"),
    "mailto": ("mailto:info@cegeprb.test", "registry.email"),
    "blank inside": ("https://cegep rb.test", "registry.blank"),
    "two addresses": ("https://a.test https://b.test", "registry.blank"),
    "line break inside": ("https://a.test\nhttps://b.test", "csv.control_character"),
    "no-break space inside": ("https://cegep\xa0rb.test", "registry.blank"),
    "backslashes": ("https:\\\\cegeprb.test", "registry.backslash"),
    "no host": ("https://", "registry.no_host"),
    "one slash": ("http:/cegeprb.test", "registry.no_host"),
    "no slash": ("https:cegeprb.test", "registry.no_host"),
    "unclosed bracket": ("https://[2001:db8::7/", "registry.no_host"),
    "port that is no number": ("https://cegeprb.test:abc/", "registry.bad_port"),
    "port too high": ("https://cegeprb.test:99999/", "registry.bad_port"),
    "doubled scheme": ("https://https://cegeprb.test", "registry.bad_host"),
    "two dots": ("https://www..cegeprb.test", "registry.bad_host"),
    "two final dots": ("https://cegeprb.test../", "registry.bad_host"),
    "leading dot": ("https://.cegeprb.test", "registry.bad_host"),
    "leading hyphen": ("https://-cegeprb.test", "registry.bad_host"),
    "trailing hyphen": ("https://cegeprb-.test", "registry.bad_host"),
    "comma": ("https://www,cegeprb.test", "registry.bad_host"),
    "two addresses and a semicolon": ("https://a.test;https://b.test", "registry.bad_host"),
    "percent-encoded": ("https://ceg%65prb.test", "registry.bad_host"),
    "long label": (f"https://{'x' * 64}.test", "registry.bad_host"),
    "long name": (f"https://{'x.' * 130}test", "registry.bad_host"),
    "long international name": (f"https://{'é.' * 130}test", "registry.bad_host"),
    "five numbers": ("https://192.0.2.7.9/", "registry.bad_host"),
    "number too high": ("https://192.0.2.777/", "registry.bad_host"),
    "one number": ("https://3221225991/", "registry.bad_host"),
    "hexadecimal": ("https://0xC0000207/", "registry.bad_host"),
    "emphasis": ("https://*cegeprb*.test", "registry.bad_host"),
}


@pytest.mark.parametrize("case", READ)
def test_addresses_as_people_write_them(case: str) -> None:
    text, url = READ[case]
    assert read_website(text) == url
    assert split(url)
    assert host_of(url)


@pytest.mark.parametrize("case", REFUSED)
def test_text_that_is_not_a_website_is_refused(case: str) -> None:
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
def test_hosts_alone_or_in_an_address(text: str, host: str) -> None:
    assert read_host(text) == host


@given(st.text(alphabet=st.sampled_from("aé.-:/@#?\\[]% \t\x00htps1xn"), max_size=40) | st.text(max_size=60))
def test_any_text_is_an_address_or_a_fault_that_hides_a_password(text: str) -> None:
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
def test_a_password_is_never_shown(password: str) -> None:
    secret = f"<{password}>"
    for text in (f"https://moi:{secret}@a.test/", f"moi:{secret}@a.test", f"//{secret}@a.test"):
        with pytest.raises(CellError) as raised:
            read_website(text)
        assert secret not in str(raised.value.facts)
        assert hidden(text).endswith("***@a.test" + ("/" if text.endswith("/") else ""))
