"""Arguments of components are bound as Python itself binds them: reading parameters in a quicker way does not change that."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundsill import components as c
from groundsill.definition.arguments import _form


def functions() -> dict[str, Callable[..., Any]]:
    """Every constructor and every method that a definition calls."""
    found: dict[str, Callable[..., Any]] = {}
    for name in c.__all__:
        kind = getattr(c, name)
        for method, member in vars(kind).items() if inspect.isclass(kind) else ():
            if hasattr(member, "__wrapped__"):
                found[f"{name}.{method}"] = inspect.unwrap(member)
            elif method == "__init__":
                found[f"{name}.{method}"] = member
    return found


FUNCTIONS = functions()


def test_there_are_constructors_and_methods() -> None:
    assert {"Function.__init__", "HttpApi.route"} <= FUNCTIONS.keys() and len(FUNCTIONS) > 80


@pytest.mark.parametrize("name", list(FUNCTIONS))
@given(data=st.data())
def test_arguments_are_bound_as_python_binds_them(name: str, data: st.DataObject) -> None:
    function = FUNCTIONS[name]
    form = _form(function)
    arguments = tuple(range(data.draw(st.integers(0, len(form.positional) + 2))))
    named = dict.fromkeys(data.draw(st.sets(st.sampled_from(form.known))), "value") if form.known else {}
    try:
        bound = inspect.signature(function).bind(None, *arguments, **named)
    except TypeError:
        assert form.bound(arguments, named) is None
    else:
        assert form.bound(arguments, named) == dict(list(bound.arguments.items())[1:])
