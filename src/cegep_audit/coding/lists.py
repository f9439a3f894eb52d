"""Lists of accounts from elsewhere, compared with the tool and its coders: what both name, and what one does.

A list does not say where there is no account, so it gets no figure of agreement. Nor is a total estimated from lists,
which copy each other and the sites.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from cegep_audit.analyze.findings import Records
from cegep_audit.coding.decisions import TOOL
from cegep_audit.detect.networks.identify import NETWORKS, account_key
from cegep_audit.models import Decision, Scan, Unit
from cegep_audit.vocabulary import Role

_PLACES = {name: place for place, name in enumerate(NETWORKS)}


@dataclass(frozen=True, slots=True)
class Overlap:
    """The accounts that two sources name, rows of ``institution_id``, ``network`` and ``account_url``.

    ``not_assessed`` counts those of sites that the tool could not assess.
    """

    first: str
    second: str
    both: Records
    first_only: Records
    second_only: Records
    not_assessed: int


def overlaps(judged: Scan, by_coder: Mapping[str, Sequence[Decision]], lists: Collection[str]) -> Iterator[Overlap]:
    """Compare each of the *lists* with the tool, every coder, and the lists after it."""
    read = {result.institution.id: result.accounts for result in judged.results if result.status.is_assessed}
    official = [
        (Unit(id_, account.network), account.url)
        for id_, accounts in read.items()
        for account in accounts
        if account.role is Role.OFFICIAL
    ]
    said = {name: [(item.unit, item.correct_account) for item in items] for name, items in by_coder.items()}
    named = {  # by the key under which two addresses are one account, in the order of institutions and networks
        name: {
            (unit, account_key(unit.network, url)): unit._asdict() | {"account_url": url}
            for unit, url in sorted(accounts, key=lambda item: (*place_of(item[0]), item[1]))
            if url
        }
        for name, accounts in {**said, TOOL: official}.items()
    }
    people = [name for name in by_coder if name not in lists]
    pairs = [*((TOOL, name) for name in lists), *((one, name) for name in lists for one in people)]
    for first, second in [*pairs, *combinations(lists, 2)]:
        one, other = named[first], named[second]
        heard = {key: each for key, each in other.items() if first != TOOL or key[0].institution_id in read}
        yield Overlap(
            first,
            second,
            both=[each for key, each in one.items() if key in heard],
            first_only=[each for key, each in one.items() if key not in heard],
            second_only=[each for key, each in heard.items() if key not in one],
            not_assessed=len(other) - len(heard),
        )


def place_of(unit: Unit) -> tuple[str, int, str]:
    """Return the place of *unit* in the order of institutions and networks."""
    return unit.institution_id, _PLACES.get(unit.network, len(_PLACES)), unit.network
