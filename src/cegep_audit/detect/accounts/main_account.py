"""Which of an institution's official accounts on a network is the main one: the one the report's column shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cegep_audit.detect.accounts.name_matching import Identity, match_name
from cegep_audit.models import Account
from cegep_audit.vocabulary import Kind, Role

# Endings of handles that say an account speaks the other language, by the institution's own.
_OTHER_LANGUAGE = {"fr": ("_en", "-en", ".en", "english", "eng"), "en": ("_fr", "-fr", ".fr", "francais", "fra")}


def with_main(accounts: Sequence[Account], identity: Identity) -> tuple[Account, ...]:
    """Return *accounts* in their order with one official account a network marked as the main one."""
    best: dict[str, tuple[tuple[int, ...], int]] = {}
    for place, account in enumerate(accounts):
        if account.role is Role.OFFICIAL:
            rank = (_rank(account, identity), place)
            best[account.network] = min(rank, best.get(account.network, rank))
    main = {place for _, place in best.values()}
    return tuple(
        account if account.is_main == (place in main) else replace(account, is_main=place in main)
        for place, account in enumerate(accounts)
    )


def _rank(account: Account, identity: Identity) -> tuple[int, ...]:
    """Return what the main account is chosen by, the lowest first.

    Its language before the other, a profile before a group or a show, a name that shows the institution's,
    the number of pages that show it; after that, the order on the page.
    """
    return (
        account.handle.lower().endswith(_OTHER_LANGUAGE.get(identity.language[:2], ())),
        account.kind is not Kind.PROFILE,
        not match_name(account.handle, identity),
        -account.pages_seen,
    )
