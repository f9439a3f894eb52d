"""How exactly accounts are read on labelled pages: the project's own corpus, and another one where it is present."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import accuracy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cegep_audit.models import Page
from cegep_audit.vocabulary import Role

SHARED = Path(os.environ.get("CEGEP_AUDIT_SHARED", Path(__file__).parents[2] / "shared")) / "web"
PAGES = {page.name: page for page in accuracy.read_corpus(accuracy.OWN_PAGES)}


def test_own_corpus_is_read_as_exactly_as_it_was() -> None:
    """The floor is what was reached: a change that loses an account has to say why."""
    outcome = accuracy.score(accuracy.OWN_PAGES)
    assert outcome.pages >= 60
    assert outcome.overall.precision >= 0.94, "\n".join(outcome.misses)
    assert outcome.overall.recall >= 0.99, "\n".join(outcome.misses)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpus of real pages is not here")
def test_real_pages_are_read_as_exactly_as_the_targets_ask() -> None:
    outcome = accuracy.score(SHARED)
    assert outcome.overall.precision >= 0.98, "\n".join(outcome.misses)
    assert outcome.overall.recall >= 0.97, "\n".join(outcome.misses)
    assert outcome.exact / outcome.pages >= 0.9, "\n".join(outcome.misses)


def official(page: accuracy.LabelledPage, body: bytes) -> set[str]:
    changed = accuracy.LabelledPage(
        page.name,
        Page(page.page.url, page.page.url, 200, page.page.content_type, body, datetime(2026, 11, 23, tzinfo=UTC)),
        page.institution,
        page.official,
        page.unscored,
    )
    return {account.url for account in accuracy.accounts_on(changed) if account.role is Role.OFFICIAL}


# What changes nothing of whose accounts a page shows, put before the end of its body.
INDIFFERENT = {
    "a comment": '<!-- <footer><a href="https://www.facebook.com/anciennepage">f</a></footer> -->',
    "share buttons": '<div class="share"><a href="https://www.facebook.com/sharer/sharer.php?u=x">Partager</a>'
    '<a href="https://twitter.com/intent/tweet?url=x">Tweeter</a></div>',
    "a cookie banner": '<div class="cookies"><p>Nous utilisons des témoins. Voir les règles de '
    '<a href="https://www.facebook.com/policies/cookies/">Facebook</a> et de '
    '<a href="https://policies.google.com/privacy">Google</a>.</p></div>',
    "a pixel": '<noscript><img src="https://www.facebook.com/tr?id=123456&amp;ev=PageView"></noscript>',
    "a template": '<template><a href="https://www.instagram.com/gabarit">i</a></template>',
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PAGES)), st.sampled_from(sorted(INDIFFERENT)))
def test_what_is_no_account_changes_none(name: str, what: str) -> None:
    page = PAGES[name]
    head, separator, tail = page.page.body.rpartition(b"</body>")
    if not separator:  # an encoding of two bytes a letter, or a page without an end
        return
    added = head + INDIFFERENT[what].encode() + separator + tail
    assert official(page, added) == official(page, page.page.body)
