"""What the vendor's CRM knows of its customers, as ingest's `/v1/facts` takes it.

Each fact is stated as of the day from which it was true, so that a past day is read with what was true then.

Source: INGEST.md 10.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

from kizashi_local.demo.vendor import CURRENCY, Customer


def facts(crowd: Sequence[Customer]) -> list[dict[str, Any]]:
    """The facts of these customers, one item for each, and one more for a contract that ended."""
    return [item for customer in crowd for item in _of(customer)]


def _of(customer: Customer) -> Iterator[dict[str, Any]]:
    yield _item(
        customer,
        customer.since,
        {
            "name": customer.name,
            "owner": customer.owner,
            "tier": customer.tier,
            "seats": customer.seats,
            "arr": {"amount": str(customer.arr), "currency": CURRENCY},
            "renewal_date": customer.renewal.isoformat(),
            "customer_since": customer.since.isoformat(),
        },
    )
    if customer.ended is not None:
        yield _item(customer, customer.ended, {"status": "churned"})


def _item(customer: Customer, at: date, states: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": customer.external_id,
        "at": f"{at.isoformat()}T00:00:00Z",
        "event_id": f"crm-{customer.external_id}-{at:%Y%m%d}",
        "facts": states,
    }
