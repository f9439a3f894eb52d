"""Print the cost of classifying a URL, in µs: for the examples of the rules and for other links.

python tests/bench/bench_classify.py
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

ROUNDS = 7
INTERNAL = [
    "/fr/programmes/techniques-de-linformatique.html",
    "https://www.cegeprb.test/etudiants/services?lang=fr&amp;onglet=2",
    "index.php?option=com_content&view=article&id=42",
    "#contenu",
    "mailto:info@cegeprb.test",
    "https://cegeprb.test/wp-content/uploads/2016/09/Guide-%C3%A9tudiant.pdf",
]


def cost_us(function: Callable[[str], object], urls: list[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile of the time of *function* on *urls*, best of several rounds."""
    costs = []
    for url in urls:
        best = float("inf")
        for _ in range(ROUNDS):
            start = time.perf_counter()
            function(url)
            best = min(best, time.perf_counter() - start)
        costs.append(best * 1e6)
    return statistics.median(costs), statistics.quantiles(costs, n=20)[18]


def import_ms() -> float:
    """Return the CPU time in ms to import the module, without the standard library modules that it uses."""
    code = (
        "import dataclasses, enum, html, importlib.resources, re, time, tomllib, typing, unicodedata, urllib.parse\n"
        "start = time.process_time(); import cegep_audit.detect.networks.identify; print(time.process_time() - start)"
    )
    runs = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    return min(runs) * 1e3


def main() -> None:
    """Measure and print."""
    from cegep_audit.detect.networks import identify
    from cegep_audit.detect.networks.addresses import addresses_in_text, might_name_account
    from cegep_audit.detect.networks.identify import classify
    from cegep_audit.tables import read_tables

    identify._remembered = identify._remembered.__wrapped__  # bypass the cache
    start = time.process_time()
    classify("https://www.facebook.com/cegeprb")
    first_ms = (time.process_time() - start) * 1e3
    examples = [
        url
        for table in read_tables("detect/networks/networks.toml")["network"]
        for rule in table["rule"]
        for url in rule["examples"]
    ]
    for name, function, urls in (
        ("classify, links of networks", classify, examples),
        ("classify, other links", classify, INTERNAL),
        ("might_name_account, links of networks", might_name_account, examples),
        ("might_name_account, other links", might_name_account, INTERNAL),
    ):
        median, high = cost_us(function, urls)
        sys.stdout.write(f"{name:40} median {median:6.2f} µs   95th percentile {high:6.2f} µs   ({len(urls)} URLs)\n")
    script = "".join(f'{{"url":"{url}","n":{number}}},\n' for number, url in enumerate(INTERNAL * 2000))
    start = time.process_time()
    found = sum(1 for _ in addresses_in_text(script))
    speed = len(script) / (time.process_time() - start) / 1e6
    sys.stdout.write(
        f"addresses_in_text {speed:.0f} MB/s, {found} found; import {import_ms():.1f} ms, first URL {first_ms:.1f} ms"
    )


if __name__ == "__main__":
    main()
