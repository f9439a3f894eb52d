"""``--render``: which pages a browser draws first, and where it is joined to the live web."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from cegep_audit.cli.options import say
from cegep_audit.detect.assess import looks_like_html
from cegep_audit.detect.page.links import extract_links
from cegep_audit.detect.page.needs_browser import needs_browser
from cegep_audit.errors import UsageError
from cegep_audit.models import Limits, OpenSource, Page
from cegep_audit.phrases.locales import Language
from cegep_audit.vocabulary import Need

if TYPE_CHECKING:
    from cegep_audit.cli.showing import Shown
    from cegep_audit.collect.http.live import LiveWeb
    from cegep_audit.collect.warc.writer import WarcWriter


class Render(StrEnum):
    """Which pages a browser draws."""

    NEVER = "never"
    AUTO = "auto"
    ALWAYS = "always"


NEVER = Render.NEVER.value  # the default with the extra too: a figure must not depend on what else is installed


def check_render(render: str, dask: str | None, lang: Language) -> None:
    """Raise UsageError where *render* asks for a browser that is not there: it says what to install.

    The workers of a cluster (*dask*) have none.
    """
    if render == NEVER:
        return
    if dask:
        raise UsageError(say("error.render_here"))
    from cegep_audit.collect.browser.browser import require

    require(lang)


def needs_of(page: Page) -> Sequence[Need]:
    """Return why *page* must be drawn to say anything: ``auto``."""
    return needs_browser(extract_links(page)) if _is_document(page) else ()


def always(page: Page) -> Sequence[Need]:
    """Return that every document is to be drawn, with the needs of the page itself: ``always``."""
    return (Need.ALWAYS, *needs_of(page)) if _is_document(page) else ()


def _is_document(page: Page) -> bool:
    return not page.redirect_to and looks_like_html(page)


@asynccontextmanager
async def rendered(
    web: LiveWeb, render: str, limits: Limits, agent: str, record: WarcWriter | None, watcher: Shown, lang: Language
) -> AsyncIterator[OpenSource]:
    """Open the sites of *web*, their pages drawn as *render* says; raise UsageError where there is no browser."""
    if render == NEVER:
        yield web.open
        return
    from cegep_audit.collect.browser.browser import Browser, require

    def tell(url: str, reason: str) -> None:
        watcher.note(say("scan.not_drawn", url=url, reason=reason))

    def keep(page: Page) -> str | None:
        return record.keep_rendered(page) if record else None

    decide = always if render == Render.ALWAYS else needs_of
    async with Browser(require(lang), agent, limits, tell) as browser:
        yield browser.rendering(web.open, web.loading, decide, keep)
