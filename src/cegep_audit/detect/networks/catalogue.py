"""The networks known, when they were open, and the baskets that statistics count over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache

from cegep_audit.detect.networks.grammar import read_tables
from cegep_audit.errors import UsageError

EVERY_NETWORK = "*"


@dataclass(frozen=True, slots=True)
class Network:
    """One social platform.

    ``domains`` are the names its accounts are found under; ``opened`` is the first day an institution could have an
    account, ``closed`` the first day it could not, None where it is open; ``source`` says where both come from.
    """

    id: str
    name: str
    domains: tuple[str, ...]
    opened: date
    closed: date | None
    source: str

    def is_open(self, day: date) -> bool:
        """Whether the network could be used on *day*."""
        return self.opened <= day and (self.closed is None or day < self.closed)


class _Catalogue(Mapping[str, Network]):
    """The networks by id, in the order of networks.toml, read when they are first asked for."""

    def __getitem__(self, name: str) -> Network:
        return _networks()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_networks())

    def __len__(self) -> int:
        return len(_networks())


NETWORKS: Mapping[str, Network] = _Catalogue()


@cache
def _networks() -> dict[str, Network]:
    return {
        row["id"]: Network(
            row["id"], row["name"], tuple(row["domains"]), row["opened"], row.get("closed"), row["source"]
        )
        for row in read_tables("networks.toml")["network"]
    }


def name_of(network: str) -> str:
    """Return the name people know *network* by, that of the pages of links too; "" for an id that no table has."""
    tables = read_tables("networks.toml")
    return next((row["name"] for row in (*tables["network"], *tables["hub"]) if row["id"] == network), "")


@lru_cache(maxsize=10_000)
def open_networks(day: date) -> tuple[str, ...]:
    """Return the ids of the networks open on *day*, in display order."""
    return tuple(network.id for network in NETWORKS.values() if network.is_open(day))


@lru_cache(maxsize=10_000)  # a scan asks it of each institution, of few days
def basket(name: str, day: date) -> tuple[str, ...]:
    """Return the ids of the networks of the basket *name* that were open on *day*, in the basket's order.

    Raises UsageError, which names the baskets, where *name* is none of them.
    """
    rows = {row["name"]: row["networks"] for row in read_tables("networks.toml")["basket"]}
    if name not in rows:
        raise UsageError(f"unknown basket {name!r}: choose one of {', '.join(rows)}")
    wanted = tuple(NETWORKS) if rows[name] == EVERY_NETWORK else rows[name]
    return tuple(network for network in wanted if NETWORKS[network].is_open(day))
