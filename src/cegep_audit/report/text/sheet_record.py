"""The sheet of one institution as JSON values: what ``sheet --json`` and ``check --json`` print."""

from cegep_audit.analyze.findings import json_values
from cegep_audit.analyze.institution.sheets import Sheet
from cegep_audit.models import Account
from cegep_audit.phrases.catalogue import say
from cegep_audit.phrases.locales import Language
from cegep_audit.report.text.sheet import advice_by_rule, shown_accounts
from cegep_audit.urls import without_password


def sheet_record(each: Sheet, lang: Language) -> dict[str, object]:
    """Return the sheet *each* as JSON values: codes as in the files, and advice in words of *lang* too."""
    institution, result = each.institution, each.result
    own, others = shown_accounts(each)
    return {
        "institution": {name: getattr(institution, name) for name in ("id", "name", "type", "region", "language")}
        | {"website": without_password(institution.url)},
        "status": result.status if result is not None else None,
        "detail": result.detail if result is not None else None,
        "final_url": without_password(result.final_url) if result is not None else None,
        "captured_at": json_values(result.captured_at) if result is not None else None,
        "n_networks": each.n_networks,
        "networks": sorted(each.counted),
        "pages": [
            {"url": page.url, "role": page.role, "drawn": json_values(page.rendering)}
            for page in (result.pages if result is not None else ())
        ],
        "accounts": [_account_record(account) for account in (*own, *others)],
        "advice": [
            {"rule": rule, "title": say(f"advice.{rule}", lang), "remedy": say(f"mend.{rule}", lang)}
            | {"network": place.network, "url": place.url, "page_url": place.page_url}
            for rule, places in advice_by_rule(each).items()
            for place in places
        ],
        "peers": json_values(tuple(each.peers)),
        "neighbours": json_values(tuple(each.neighbours)),
    }


def _account_record(account: Account) -> dict[str, object]:
    return {
        "network": account.network,
        "account_url": account.url,
        "handle": account.handle,
        "kind": account.kind,
        "role": account.role,
        "reason": account.reason,
        "evidence": [
            {"page_url": seen.page_url, "how": seen.how, "zone": seen.zone, "label": seen.label}
            for seen in account.evidence
        ],
    }
