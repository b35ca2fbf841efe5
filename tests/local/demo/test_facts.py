from __future__ import annotations

from datetime import date

from kizashi_local.demo.facts import facts
from kizashi_local.demo.vendor import customers

DAY = date(2026, 11, 24)


def test_every_customer_is_described_from_the_day_it_became_one() -> None:
    crowd = customers(DAY)
    found = facts(crowd)
    for customer in crowd:
        item = next(item for item in found if item["id"] == customer.external_id)
        assert item["at"] == f"{customer.since}T00:00:00Z"
        assert item["facts"] == {
            "name": customer.name,
            "owner": customer.owner,
            "tier": customer.tier,
            "seats": customer.seats,
            "arr": {"amount": str(customer.arr), "currency": "EUR"},
            "renewal_date": str(customer.renewal),
            "customer_since": str(customer.since),
        }


def test_who_left_is_churned_from_the_end_of_the_contract_on() -> None:
    crowd = customers(DAY)
    ends = {item["id"]: item["at"] for item in facts(crowd) if item["facts"] == {"status": "churned"}}
    assert ends == {one.external_id: f"{one.ended}T00:00:00Z" for one in crowd if one.story == "left"}


def test_said_again_they_are_the_same_statements() -> None:
    crowd = customers(DAY)
    names = [item["event_id"] for item in facts(crowd)]
    assert len(set(names)) == len(names)
    assert facts(crowd) == facts(customers(DAY))
