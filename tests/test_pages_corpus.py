"""The labelled corpus is consistent: every page has a row, every label a page, every account is in the page."""

import csv
import html
import re
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rows import every_row

from cegep_audit.vocabulary import Role

FOLDER = Path(__file__).parent / "pages"
ROLES = {role.value for role in Role} | {"absent"}


def table(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE, strict=True))


PAGES = table("pages.tsv")
LABELS = table("labels.tsv")
BODIES = {page["name"]: (FOLDER / f"{page['name']}.html").read_bytes() for page in PAGES}


def shown(body: bytes) -> str:
    """Return what *body* may contain in any encoding and with any escapes, to search it for handles."""
    readings = [body.decode(codec, "replace") for codec in ("utf-8", "cp1252", "utf-16")]
    return unquote(html.unescape("".join(readings))).replace("\\u002F", "/").replace("\\/", "/").lower()


SHOWN = {name: shown(body) for name, body in BODIES.items()}


def test_tables_and_files_list_the_same_pages() -> None:
    names = [page["name"] for page in PAGES]
    assert names == sorted(set(names))
    assert set(names) == {path.stem for path in FOLDER.glob("*.html")}
    assert {label["name"] for label in LABELS} <= set(names)


def test_tables_have_the_documented_columns() -> None:
    assert list(PAGES[0]) == ["name", "url", "institution_name", "language", "era", "trap", "content_type"]
    assert list(LABELS[0]) == ["name", "network", "account_url", "role", "note"]
    assert not [row for row in (*PAGES, *LABELS) if None in row or None in row.values()]


def test_corpus_covers_languages_eras_roles_and_networks() -> None:
    roles = Counter(label["role"] for label in LABELS)
    assert len(PAGES) >= 60
    assert sum(page["language"] == "fr" for page in PAGES) >= 25
    assert sum(page["language"] == "en" for page in PAGES) >= 20
    assert min(page["era"] for page in PAGES) <= "2001"
    assert all(roles[role] >= 10 for role in ROLES)
    assert len({label["network"] for label in LABELS}) >= 25


@every_row(PAGES, lambda page: page["name"])
def test_page_has_a_reserved_host_and_all_its_columns(page: dict[str, str]) -> None:
    host = urlsplit(page["url"]).hostname or ""
    assert host.endswith(".test") or host == "web.archive.org"
    assert all(page[column] for column in ("institution_name", "trap", "content_type"))
    assert re.fullmatch(r"\d{4}", page["era"])


@every_row(LABELS, lambda label: (label["name"], label["network"], label["account_url"]))
def test_labelled_account_appears_in_its_page(label: dict[str, str]) -> None:
    assert label["role"] in ROLES
    if not label["account_url"]:
        assert label["role"] == "uncertain"
        return
    handle = (
        re.split(r"[/=]", unquote(label["account_url"]).rstrip("/").lower())[-1].removeprefix("id").removeprefix("@")
    )
    assert handle in SHOWN[label["name"]] or handle.split(".")[0] in SHOWN[label["name"]]


def test_no_account_is_labelled_twice_on_a_page() -> None:
    seen = Counter((label["name"], label["network"], label["account_url"].lower()) for label in LABELS)
    assert [key for key, times in seen.items() if times > 1] == []
