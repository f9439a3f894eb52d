"""Score account detection on labelled pages: precision, recall and F1, and the rule behind each error.

    python tests/accuracy.py              the project's own corpus, tests/pages
    python tests/accuracy.py FOLDER       another corpus: labels.tsv, pages.tsv and pages.warc.gz or NAME.html

The ground truth of a page is the accounts labelled as its owner's (``official`` or ``yes``); ``uncertain`` and
``maybe`` are not scored. Addresses are compared by the account that they name, not by spelling.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cegep_audit.detect.accounts.attribution import attribute
from cegep_audit.detect.networks.identify import account_key, classify
from cegep_audit.detect.page.links import extract_links
from cegep_audit.models import Account, Choice, Institution, Page, Visit
from cegep_audit.vocabulary import PageRole, Role

OWN_PAGES = Path(__file__).parent / "pages"
_OURS = frozenset({"official", "yes"})
_UNSCORED = frozenset({"uncertain", "maybe"})

Key = tuple[str, str]  # network, account


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """One page with its labels: the owner's accounts, and the accounts that are not scored."""

    name: str
    page: Page
    institution: Institution
    official: frozenset[Key]
    unscored: frozenset[Key]


@dataclass(slots=True)
class Score:
    """Counts of correct, wrong and missed accounts."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of the detected accounts that are correct; 1.0 if none was detected."""
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Share of the labelled accounts that were detected; 1.0 if there are none."""
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right / (2 * self.right + self.wrong + self.missed) if self.right else 0.0


@dataclass(slots=True)
class Outcome:
    """The detector's results on a corpus."""

    networks: defaultdict[str, Score] = field(default_factory=lambda: defaultdict(Score))
    misses: list[str] = field(default_factory=list)
    pages: int = 0
    exact: int = 0
    cpu_s: list[float] = field(default_factory=list)

    @property
    def overall(self) -> Score:
        """The counts over all networks."""
        total = Counter[str]()
        for score in self.networks.values():
            total.update(right=score.right, wrong=score.wrong, missed=score.missed)
        return Score(**total)


def key_of(network: str, address: str) -> Key | None:
    """Return the account that *address* names, or None."""
    what = classify(address)
    if what.network and what.account_url:
        return what.network, account_key(what.network, what.account_url)
    return (network, address) if network and address else None


def read_corpus(folder: Path) -> Iterator[LabelledPage]:
    """Yield the labelled pages of a corpus."""
    labels: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in _rows(folder / "labels.tsv"):
        labels[row.get("name") or row["page_id"]].append(row)
    bodies = _bodies(folder)
    for row in _rows(folder / "pages.tsv"):
        name = row.get("name") or row["page_id"]
        url = row.get("url") or row["site_url"]
        body = (folder / f"{name}.html").read_bytes() if bodies is None else bodies[url]
        yield LabelledPage(
            name=name,
            page=Page(url, url, 200, row.get("content_type") or "text/html", body, datetime.now(UTC)),
            institution=Institution(
                id=name, name=row.get("institution_name") or row["site_name"], url=url, language=row.get("language", "")
            ),
            official=_keys(labels[name], _OURS),
            unscored=_keys(labels[name], _UNSCORED),
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _bodies(folder: Path) -> dict[str, bytes] | None:
    archive = folder / "pages.warc.gz"
    if not archive.exists():
        return None
    from warcio.archiveiterator import ArchiveIterator

    with archive.open("rb") as file:
        return {
            record.rec_headers["WARC-Target-URI"]: record.content_stream().read()
            for record in ArchiveIterator(file)
            if record.rec_type == "response"
        }


def _keys(rows: list[dict[str, str]], verdicts: frozenset[str]) -> frozenset[Key]:
    found = (
        key_of(row["network"], row.get("account_url") or row.get("account") or "")
        for row in rows
        if (row.get("role") or row.get("official")) in verdicts
    )
    return frozenset(key for key in found if key)


def accounts_on(labelled: LabelledPage) -> tuple[Account, ...]:
    """Return the accounts that the detector finds on one page."""
    reading = extract_links(labelled.page)
    visit = Visit(Choice(labelled.page.url, PageRole.HOME, "corpus"), labelled.page, reading)
    return attribute(labelled.institution, [visit])


def score(folder: Path) -> Outcome:
    """Score the detector on the corpus in *folder*."""
    outcome = Outcome()
    for labelled in read_corpus(folder):
        began = time.process_time()
        accounts = accounts_on(labelled)
        outcome.cpu_s.append(time.process_time() - began)
        by_key = {key: account for account in accounts if account.url and (key := key_of(account.network, account.url))}
        official = {key for key, account in by_key.items() if account.role is Role.OFFICIAL} - labelled.unscored
        for network, _ in official & labelled.official:
            outcome.networks[network].right += 1
        for network, account in sorted(official - labelled.official):
            outcome.networks[network].wrong += 1
            found = by_key[network, account]
            outcome.misses.append(
                f"wrong\t{labelled.name}\t{found.url}\t{found.reason}\t{found.evidence[0].label[:40]}"
            )
        for network, account in sorted(labelled.official - official):
            outcome.networks[network].missed += 1
            other = by_key.get((network, account))
            outcome.misses.append(
                f"missed\t{labelled.name}\t{network} {account}\t{other.reason if other else 'not seen'}"
                + (f"\t{other.role} {other.evidence[0].label[:40]}" if other else "")
            )
        outcome.pages += 1
        outcome.exact += official == labelled.official
    return outcome


def main(folders: list[Path]) -> None:
    """Print the scores for each of *folders*."""
    for folder in folders:
        outcome = score(folder)
        print(f"{folder}: {outcome.pages} pages, {outcome.exact} exactly right")
        for line in outcome.misses:
            print("  " + line)
        print(f"  {'network':<16}{'right':>6}{'wrong':>6}{'missed':>7}{'precision':>11}{'recall':>8}{'F1':>8}")
        ranked = sorted(outcome.networks.items(), key=lambda item: (-item[1].right, item[0]))
        for name, each in [("all", outcome.overall), *ranked]:
            print(
                f"  {name:<16}{each.right:>6}{each.wrong:>6}{each.missed:>7}"
                f"{each.precision:>11.3f}{each.recall:>8.3f}{each.f1:>8.3f}"
            )
        median = sorted(outcome.cpu_s)[len(outcome.cpu_s) // 2]
        print(
            f"  CPU a page: median {median * 1000:.2f} ms, mean {sum(outcome.cpu_s) / len(outcome.cpu_s) * 1000:.2f} ms"
        )


if __name__ == "__main__":
    shared = Path(__file__).parents[2] / "shared" / "web"
    main([Path(argument) for argument in sys.argv[1:]] or [OWN_PAGES, *([shared] if shared.is_dir() else [])])
