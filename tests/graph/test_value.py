"""Values: equal where what they hold is, and no lists."""

from __future__ import annotations

import copy

import pytest

from groundsill.cost.amount import Amount
from groundsill.definition.grant import Grant
from groundsill.graph import Reference, Unknown
from groundsill.graph.reference import Broken, Element
from groundsill.graph.value import Value

VALUES = [
    Reference("aws_sqs_queue.jobs", ("arn",)), Reference("aws_sqs_queue.jobs"), Broken(), Element(1),
    Unknown("length(var.zones)", (Reference("var.zones"),)), Amount(1, 2, 3), Grant("jobs", "send"),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_equals_its_copy_and_no_other(value: Value) -> None:
    assert copy.copy(value) == value
    assert [other for other in VALUES if other == value] == [value]
    assert not isinstance(value, tuple)
    assert isinstance(value, Broken) or value.changed() == value


def test_values_that_can_be_hashed_are_one_key() -> None:
    assert len({Reference("aws_sqs_queue.jobs", ("arn",)), Reference("aws_sqs_queue.jobs", ("arn",))}) == 1
    assert Reference("broken") != Broken()


def test_a_value_shows_what_it_holds_in_the_order_in_which_it_takes_it() -> None:
    assert repr(Amount(1, 2, 3)) == "Amount(low=1, expected=2, high=3)"
    assert repr(Reference("var.sender")) == "Reference(address='var.sender', path=())"
    assert Amount(1, 2, 3).changed(high=5) == Amount(1, 2, 5)
