"""Accuracy of account detection on labelled pages: the project's own corpus, and a shared one if present."""

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


def test_accuracy_on_the_own_corpus_does_not_drop() -> None:
    """The floors are the scores reached so far: a change that loses an account must justify it."""
    outcome = accuracy.score(accuracy.OWN_PAGES)
    assert outcome.pages >= 60
    assert outcome.overall.precision >= 0.94, "\n".join(outcome.misses)
    assert outcome.overall.recall >= 0.99, "\n".join(outcome.misses)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared corpus of real pages is not here")
def test_accuracy_on_the_shared_corpus_meets_the_targets() -> None:
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


# Markup that must not change a page's official accounts, inserted at the end of its body.
IRRELEVANT = {
    "comment": '<!-- <footer><a href="https://www.facebook.com/anciennepage">f</a></footer> -->',
    "share buttons": '<div class="share"><a href="https://www.facebook.com/sharer/sharer.php?u=x">Partager</a>'
    '<a href="https://twitter.com/intent/tweet?url=x">Tweeter</a></div>',
    "cookie banner": '<div class="cookies"><p>Nous utilisons des témoins. Voir les règles de '
    '<a href="https://www.facebook.com/policies/cookies/">Facebook</a> et de '
    '<a href="https://policies.google.com/privacy">Google</a>.</p></div>',
    "tracking pixel": '<noscript><img src="https://www.facebook.com/tr?id=123456&amp;ev=PageView"></noscript>',
    "template": '<template><a href="https://www.instagram.com/gabarit">i</a></template>',
}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(PAGES)), st.sampled_from(sorted(IRRELEVANT)))
def test_irrelevant_markup_does_not_change_the_official_accounts(name: str, what: str) -> None:
    page = PAGES[name]
    head, separator, tail = page.page.body.rpartition(b"</body>")
    if not separator:  # UTF-16, or a page without </body>
        return
    added = head + IRRELEVANT[what].encode() + separator + tail
    assert official(page, added) == official(page, page.page.body)
