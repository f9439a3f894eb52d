"""Decide whether a page shows nothing until its scripts have run, and give the reasons.

``--render auto`` renders these pages; a site that was not rendered and shows nothing else is ``unusable``/``needs_js``.
"""

from cegep_audit.models import Reading
from cegep_audit.vocabulary import How, Need, Zone

# A page that waits for its scripts shows at most a name, a spinner and a line about cookies.
SHELL_TEXT = 250  # characters of visible text
SHELL_LINKS = 3

_SIGNS = (Need.APP_ROOT, Need.NOSCRIPT_PLEA, Need.STATE)  # that a reading may hold, in the order in which they are said


def needs_browser(reading: Reading) -> tuple[Need, ...]:
    """Return why a browser should render the page of *reading*, () where it can be read as it is.

    Few links alone are not a reason, because a page may be short. Neither is a sign alone, because frameworks that
    render on the server leave an app root and its state on every page.
    """
    signs = tuple(sign for sign in _SIGNS if sign in reading.signs)
    return (Need.FEW_LINKS, *signs) if signs and is_shell(reading) else ()


def is_shell(reading: Reading) -> bool:
    """Whether *reading* shows next to nothing and has no frame that might show more."""
    return reading.text_length <= SHELL_TEXT and shown_links(reading) <= SHELL_LINKS and not reading.frames


def shown_links(reading: Reading) -> int:
    """Return how many links a reader sees; those in the head are for machines."""
    inner = sum(link.zone is not Zone.HEAD for link in reading.inner)
    return inner + sum(link.how is How.ANCHOR for link in reading.links)
