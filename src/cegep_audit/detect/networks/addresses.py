"""Find addresses of networks in text, and tell cheaply that a link cannot lead to a network."""

import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from cegep_audit.detect.networks import unwrap
from cegep_audit.detect.networks.host_rules import hosts, match_host
from cegep_audit.tables import read_tables

_LONGEST_TOKEN = 2_000  # characters of an address in running text
_LOOK_BACK = 300  # characters before a host name that may belong to its address
_LONGEST_HOST = 100
_GROUP = 9  # letters that are tried in turn
# Characters that end an address in a script, in JSON or in prose.
_STOPS = r"\s\"'`<>(){}\[\]|\\^"
_ESCAPE = r"\\+/|\\+u00(?:2[356bdf]|3[adf]|40|5f|[89a-f][0-9a-f])|\\+x2[56f]"
_REST = re.compile(rf"(?:[^{_STOPS},;]|[,;](?![\s\"']|h?ttps?:|//|$)|{_ESCAPE}){{0,{_LONGEST_TOKEN}}}+", re.IGNORECASE)
_STOP = re.compile(rf"[{_STOPS}]|&(?:quot|apos|lt|gt|#34|#39|#x22|#x27);|%2[27]|%3[ce]", re.IGNORECASE)
_SCHEME = re.compile(r"https?(?::|%3a|%253a)(?:/|%2f|%252f)+", re.IGNORECASE)
_HOST_CHARACTERS = string.ascii_letters + string.digits + "-."
_LEAD_IN = re.compile(r"(?:[^/?@%]*[=:,;•–—*-])?")  # what may precede a typed address: "site=", "Facebook:"
_BLANKS = frozenset(" \t\r\n\"'`<>()[]{}|")
_OPENING = re.compile(r"([\"'])https?:(?:\\*/){2}$", re.IGNORECASE)  # an address that opens a quotation
_QUOTES = frozenset({'"', "'"})  # around a host alone: a setting, which names the server of the page itself
_LONGEST_OPENING = 16
_WORDS_TO_QUOTE = re.compile(r"(?:[ \xa0]+[\w.&'’-]{1,40}){1,6}/?(?=([\"']))")  # of a name, to the quotation's end
_TRAILING = ".,;:!?…*"
# Escaped letters or ignored characters may hide a host name, and "/@name" alone may identify one. The first pattern is
# a single set of characters, which is the fastest to search for; the second is exact.
_WIDE = "\u3002\uff01-\uff61"  # full-width letters and dots, which browsers read as plain ones
_ODD = re.compile(rf"[%\\@;\t\r\n{unwrap.INVISIBLE}{_WIDE}]")
_HIDING = re.compile(
    r"%(?:25|2[deDE]|3[0-9]|[46][1-9a-fA-F]|[57][0-9aA])|\\|&(?:#|[a-zA-Z]{2,8};)|(?:/|%2[fF])(?:@|%40)"
    rf"|[^\s][\t\r\n]+[^\s]|[{unwrap.INVISIBLE}{_WIDE}]"
)
_LONGEST_HIDDEN = 4_096  # characters; longer text is a script, where host names are not hidden


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern for the longest of *words* that follows, in any case; ``re.IGNORECASE`` is ten times slower."""
    rests: dict[str, list[str]] = {}  # by first letter: alternatives are tried in turn
    for word in words:
        rests.setdefault(word[:1], []).append(word[1:])
    may_end = "?" if rests.pop("", None) else ""
    letters = sorted(rests)
    groups = []
    for start in range(0, len(letters), _GROUP):
        group = "".join(letters[start : start + _GROUP])
        either = "|".join(f"[{re.escape(each + each.upper())}]{_any_of(rests[each])}" for each in group)
        is_one = len(letters) <= _GROUP
        groups.append(either if is_one else f"(?=[{re.escape(group + group.upper())}])(?:{either})")
    return f"(?:{'|'.join(groups)}){may_end}" if groups else ""


@cache
def _signs() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], tuple[str, ...]]:
    """Return patterns for known hosts, schemes of apps (``fb:``) and hosts known by their form, and words of hosts."""
    known, tables = hosts(), read_tables("detect/networks/wrappers.toml")
    # What follows the first dot in known host names: dots are rare, so the search is fast.
    ends = {name.partition(".")[2] for name in (*known.exact, *known.wild, *known.assets)} - {""}
    suffix = re.compile(rf"\.(?<=\w.)(?>{_any_of(ends)})(?!\.?[\w-])")
    schemes = "|".join(sorted(host[:-1] for host in known.exact if host.endswith(":")))
    app, paths = (re.compile(text, re.IGNORECASE) for text in (rf"\s*(?:{schemes}):", tables["hinted_paths"]))
    return suffix, app, paths, tuple(tables["hinted_hosts"])


# In most addresses only the host can name a network: the rest has no "@", no escaped letter, and no dot except before
# a file extension or before a character that is not a letter, which no network's name contains.
_PLAIN = re.compile(
    r"(?:(https?://[A-Za-z0-9.-]++(?::\d+)?)(?=[/?#]|\Z))?+[A-Za-z0-9/_=&?+,()!*'~$|-]*+"
    r"(?:(?:(?<!&)#|%(?!25|2[deDE]|3[0-9]|40|[46][1-9a-fA-F]|[57][0-9aA])[0-9a-fA-F]{2}"
    r"|\.(?:(?:s?html?|php|aspx?|cfm|pdf|jsp|jpe?g|png|gif|svg|webp|min|js|css)(?![\w-])|(?![A-Za-z])))"
    r"[A-Za-z0-9/_=&?+,()!*'~$|-]*+)*+"
    r"|javascript:[A-Za-z0-9_ ()]*;?"
)


def might_name_account(raw: str, own: str = "") -> bool:
    """Whether :func:`~cegep_audit.detect.networks.identify.classify` could find a network in *raw*: a cheap test.

    True for every link in which it finds one, however wrapped or escaped, and for some in which it does not. A plain
    link that stays on *own*, the scheme and host of its page, has none. *raw* may be a whole text; the time is linear.
    """
    plain = _PLAIN.fullmatch(raw)
    if plain is None:
        return _holds_network(raw)
    host = plain[1]
    if not host or host == own:
        return False
    is_hinted = any(map(raw[len(host) :].__contains__, _signs()[3]))
    return _host_holds_network(host) or (is_hinted and _holds_network(raw))


def _holds_network(raw: str) -> bool:
    _, app, paths, words = _signs()
    if ("." in raw and _has_host(raw)) or (":" in raw and raw[:4] != "http" and app.match(raw) is not None):
        return True
    raw = raw[:_LONGEST_HIDDEN].strip()
    if " " in raw:  # a text, not a link
        return False
    odd, lower = _ODD.search(raw), raw.lower()
    may_hide = odd is not None and _HIDING.search(raw, max(0, odd.start() - 3))
    if not may_hide and not any(word in lower for word in words):
        return False
    text = unwrap.unescaped(raw)
    text = unwrap.decoded(text) if "%" in text else text
    text = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("\u3002", ".")
    return _has_host(text) or bool(paths.search(text) or app.match(text.strip()))


_host_holds_network = lru_cache(maxsize=4096)(_holds_network)


def _has_host(text: str) -> bool:
    for found in _signs()[0].finditer(text):
        if match_host(text[_host_start(text, found.start(), 0) : found.end()].lower()) is not None:
            return True
    return False


def addresses_in_text(text: str) -> Iterator[str]:
    """Yield the addresses of known networks written in *text* (a script, JSON, prose), in order, in linear time.

    An address without a scheme counts if it has a path and is not part of another address or of an e-mail address.
    """
    sign = _signs()[0]
    lowest = position = 0
    while found := sign.search(text, position):
        position = host_end = found.end()
        start = _host_start(text, found.start(), lowest)
        host = match_host(text[start:host_end].lower())
        if host is None:
            continue
        rest = _REST.match(text, host_end)
        end = rest.end() if rest else host_end
        position = end
        # A quoted address may hold spaces: cut there, "https://network/College des Aulnes" would be another account.
        if text[end : end + 1] in {" ", "\xa0"} and (words := _WORDS_TO_QUOTE.match(text, end)):
            opening = _OPENING.search(text, max(0, start - _LONGEST_OPENING), start)
            position = words.end() if opening and words[1] == opening[1] else end
        if end > host_end or host.prefix or text[start - 1 : start] == "/":
            path = _STOP.split(unwrap.unescaped(text[host_end:end]), maxsplit=1)[0].rstrip(_TRAILING)
            address = text[start:host_end] + path + text[end:position]
            is_setting = text[start - 1 : start] in _QUOTES and text[end : end + 1] in _QUOTES
            is_name = bool(host.prefix) and not is_setting
            yield from _completed(text[max(lowest, start - _LOOK_BACK) : start], address, is_name=is_name)
        lowest = position


def _host_start(text: str, dot: int, lowest: int) -> int:
    lowest = max(lowest, dot - _LONGEST_HOST)
    start = lowest + len(text[lowest:dot].rstrip(_HOST_CHARACTERS))
    # Skip the letters of an escape before the name: %2Fwww, \u002Fwww.
    before = text[start - 1] if start else ""
    if before == "%":
        return start + 2
    if before == "\\" and text[start] in "ux":
        return start + (5 if text[start] == "u" else 3)
    return start


def _completed(before: str, address: str, *, is_name: bool) -> Iterator[str]:
    """Yield *address* with its scheme from *before*, unless it is part of another; *is_name*: it needs no path."""
    before = "" if before[-1:] in _BLANKS else _STOP.split(unwrap.unescaped(before))[-1]
    if scheme := _SCHEME.search(before):
        yield before[scheme.start() :] + address
    elif before.endswith("//"):
        yield "//" + address
    elif ("/" in address or is_name) and _LEAD_IN.fullmatch(before):
        yield address
