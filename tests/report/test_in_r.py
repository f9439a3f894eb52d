"""The R code in the documentation runs as written and reproduces the figures of the summary."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import account, failed, institution, result, scan, summary

from cegep_audit.models import Scan
from cegep_audit.report.files.export import write
from cegep_audit.vocabulary import Role

ROOT = Path(__file__).parents[2]
R = shutil.which("Rscript")
pytestmark = pytest.mark.skipif(R is None and "CI" not in os.environ, reason="no R on this machine")


@pytest.fixture(scope="module")
def sample_scan() -> Scan:
    return scan(
        result(
            institution("a", 'L\'École "du" Nord', region_code="06"), "facebook", "youtube", "tiktok", "google_plus"
        ),
        result(institution("b", region_code="01"), "facebook", account("youtube", role=Role.UNIT)),
        result(institution("c", region_code="06"), "facebook", "instagram", "linkedin"),
        failed(institution("d", region_code="16")),
        result("e", "itunes_u", captured_at=datetime(2026, 5, 1, tzinfo=UTC)),
    )


def r_blocks(path: str) -> list[str]:
    return re.findall(r"```r\n(.*?)```", (ROOT / path).read_text("utf-8"), re.DOTALL)


def run_r(code: str, folder: Path, after: str = "") -> list[str]:
    """Run *code* and then *after* in *folder*; return the printed lines."""
    command = [str(R), "--vanilla", "-e", code + "\n" + after]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def folder(sample_scan: Scan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("r")
    write(sample_scan, made / "report.csv")
    return made


@pytest.mark.parametrize("path", ["README.md", "LISEZMOI.md", "docs/data-dictionary.md"])
def test_r_computes_the_share_on_three_networks(path: str, sample_scan: Scan, folder: Path) -> None:
    first, *_ = r_blocks(path)
    assert run_r(first, folder)[-1] == f"[1] {summary(sample_scan).figures.at_least[3].share}" == "[1] 0.5"


def test_r_reads_codes_as_text_and_booleans_as_logical(folder: Path) -> None:
    first, *_ = r_blocks("docs/data-dictionary.md")
    lines = run_r(first, folder, "cat(report$region_code[1], class(report$three_plus), report$name[1], sep = '|')")
    assert lines[-1].split("|") == ["06", "logical", 'L\'École "du" Nord']


def test_network_counts_from_accounts_leave_out_closed_networks(sample_scan: Scan, folder: Path) -> None:
    accounts = next(block for block in r_blocks("docs/data-dictionary.md") if "report-accounts.csv" in block)
    lines = run_r(accounts, folder)
    counts = dict(zip(lines[-2].split(), map(int, lines[-1].split()), strict=True))
    assert counts == {name: share.count for name, share in summary(sample_scan).figures.networks.items() if share.count}
