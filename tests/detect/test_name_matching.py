"""Name matching: how closely a handle or label matches the names of an institution, at the limits of each rule."""

from __future__ import annotations

import pytest

from cegep_audit.detect.accounts.name_matching import NameMatch, identity_of, is_title, match_name
from cegep_audit.models import Institution, Link
from cegep_audit.vocabulary import How, Zone

COLLEGE = Institution(id="x", name="Collège du Lac des Aulnes", url="https://www.collegeaulnes.test/", language="fr")
RADIO = Institution(id="r", name="Radio Verte", url="https://www.rvl.test/")
LIBRARY = Institution(id="l", name="Université Lorme", url="https://bibliotheque.lorme.test/")
NONE, PART, WHOLE, SAME = NameMatch

CASES = [
    (COLLEGE, "collegeaulnes", SAME),
    (COLLEGE, "college-aulnes.officiel", SAME),
    (COLLEGE, "CollegeDuLacDesAulnes", SAME),
    (COLLEGE, "vivre-collegeaulnes", WHOLE),
    (COLLEGE, "collegeaulnes2026", SAME),
    (COLLEGE, "collegeaulnes20261", WHOLE),
    (COLLEGE, "theatredesaulnes", WHOLE),  # "aulnes" is the host label without "college"
    (COLLEGE, "lacduvallon", NONE),  # three letters are not distinctive
    (COLLEGE, "cla", SAME),
    (COLLEGE, "cla_sports", PART),
    (COLLEGE, "sports.cla", PART),
    (COLLEGE, "clarinettes", PART),  # a leading acronym may be a coincidence
    (COLLEGE, "declarations", NONE),  # an acronym inside a word is a coincidence
    (COLLEGE, "ecole-declamation", NONE),
    (COLLEGE, "123456", NONE),
    (COLLEGE, "", NONE),
    (COLLEGE, "college", NONE),
    (RADIO, "company/radio-verte-libre", SAME),  # the initials match the host label
    (RADIO, "radio-du-vent-libre", SAME),
    (RADIO, "vent-libre", NONE),
    (LIBRARY, "lorme", SAME),
    (LIBRARY, "bibliothequelorme", WHOLE),  # a unit's host label is not a name of the institution
]


@pytest.mark.parametrize(("institution", "text", "match"), CASES, ids=[f"{case[0].id}-{case[1]}" for case in CASES])
def test_name_match(institution: Institution, text: str, match: NameMatch) -> None:
    assert match_name(text, identity_of(institution)) is match


def test_host_of_the_final_url_is_a_name() -> None:
    assert match_name("nouveaunom", identity_of(COLLEGE)) is NONE
    assert match_name("nouveaunom", identity_of(COLLEGE, "https://nouveaunom.test/")) is SAME


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("Collège Vert", "Illon"), "Vertillon"),
        (("Illon", "Collège Vert"), "Vertillon"),
        (("Cégep du Mont", "Agneau"), "Montagneau"),
        (("Agneau", "Cégep du Mont"), "Montagneau"),
    ],
)
def test_word_across_two_names_is_not_a_name(names: tuple[str, str], label: str) -> None:
    identity = identity_of(Institution(id="x", name=names[0], short_name=names[1], url="https://www.xyz.test/"))
    assert is_title(Link("https://x.com/a", How.ANCHOR, Zone.MAIN, label, "https://www.xyz.test/"), identity)
