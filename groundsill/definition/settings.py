"""Settings of a stage: read from the system's `settings.toml`, the environment and the command line, then validated."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundsill.definition.secret_settings import secret_fields, secret_reference
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, did_you_mean
from groundsill.graph.source import SourceLocation

if TYPE_CHECKING:
    from pydantic import BaseModel

SETTINGS_FILE = "settings.toml"
ENVIRONMENT_PREFIX = "GROUNDSILL_SETTING_"
_TOGETHER = "settings"  # stands for all of them, where each fits by itself


def read_settings_file(folder: Path) -> dict[str, dict[str, Any]]:
    """The tables of `settings.toml`, one a stage; empty where there is no such file.

    Raises:
        GroundsillError: where the file cannot be read or is not TOML with one table a stage.
    """
    path = folder / SETTINGS_FILE
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib

        content = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:  # what is not UTF-8 and what is not TOML are both a ValueError
        raise GroundsillError(Diagnostic(
            "GS1304", f"{SETTINGS_FILE} cannot be read", SourceLocation(str(path), 1), detail=str(error),
            mend="write one table a stage, for example [dev], with one line a setting",
        )) from error
    wrong = [name for name, table in content.items() if not isinstance(table, dict)]
    if wrong:
        raise GroundsillError(Diagnostic(
            "GS1304", f"{SETTINGS_FILE} has a value outside a stage: `{wrong[0]}`", SourceLocation(str(path), 1),
            mend="put it below the name of its stage, for example [dev]",
        ))
    return content


def gather(folder: Path, stage: str, fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The raw values of a stage: the file's, then the environment's, then those given on the command line."""
    values = dict(read_settings_file(folder).get(stage, {}))
    for name, field in fields.items():
        variable = ENVIRONMENT_PREFIX + name.upper()
        if variable in os.environ:
            values[name] = _from_text(os.environ[variable], field)
    return values | {name: _from_text(value, fields.get(name)) for name, value in given.items()}


def _from_text(value: Any, field: Any) -> Any:
    """A value from outside a file: lists and tables are written as in `settings.toml`, everything else as it is."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")) or getattr(field, "annotation", None) is str:
        return value
    import tomllib

    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value


def validate(
    model: type[BaseModel] | None, folder: Path, stage: str, given: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Diagnostic]]:
    """Validated settings, and a diagnostic for each one that is missing, wrong or unknown.

    Arguments:
        model: the system's settings class; None where it has none.
        folder: the system's folder.
        stage: stage name.
        given: values from the command line.

    Returns:
        Values by name, and problems by name.
    """
    fields = {} if model is None else model.model_fields
    raw = gather(folder, stage, fields, given)
    problems: dict[str, Diagnostic] = {}
    secret = secret_fields(model)
    for name in secret:
        if name in given or name in read_settings_file(folder).get(stage, {}):
            problems[name] = _exposed(name, stage, folder, "--set" if name in given else SETTINGS_FILE)
            del raw[name]
    for name in [name for name in raw if name not in fields]:
        problems[name] = Diagnostic(
            "GS1302", f"unknown setting `{name}` for stage `{stage}`", SourceLocation(str(folder / SETTINGS_FILE), 1),
            mend=did_you_mean(name, fields, what="Known settings"),
        )
        del raw[name]
    if model is None:
        return {}, problems
    from pydantic import ValidationError

    try:
        whole = model(**raw)
        return {name: secret_reference(name) if name in secret else getattr(whole, name) for name in fields}, problems
    except ValidationError as error:
        for item in error.errors():
            name = str(item["loc"][0]) if item["loc"] else _TOGETHER
            if name in secret and item["type"] == "missing":
                continue  # only a deploy needs it
            problems.setdefault(name, _problem(name, stage, item["type"], item["msg"], secret=name in secret))
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in problems:
            continue
        if name in secret:
            values[name] = secret_reference(name)
            continue
        # The class as a whole could not be built, so each good value is validated by itself.
        values[name] = _one(model, name, raw) if name in raw else field.get_default(call_default_factory=True)
    return values, problems


def _one(model: type[BaseModel], name: str, raw: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError, create_model

    try:
        return model.__pydantic_validator__.validate_assignment(model.model_construct(), name, raw[name]).__dict__[name]
    except ValidationError:
        # What does not fit is how settings go together, which the model checks on each assignment too.
        field: Any = model.model_fields[name]
        make: Any = create_model
        alone: Any = make("Alone", **{name: (field.annotation, field)})
        return alone(**{name: raw[name]}).__dict__[name]


def _exposed(name: str, stage: str, folder: Path, where: str) -> Diagnostic:
    return Diagnostic(
        "GS1323", f"the secret setting `{name}` must not be in {where}",
        None if where == "--set" else SourceLocation(str(folder / SETTINGS_FILE), 1),
        detail="a command line can be read by every user of the machine" if where == "--set"
        else "a file is copied, committed and kept",
        mend=f"take it out there and set {ENVIRONMENT_PREFIX}{name.upper()} in the environment of the deploy of {stage}",
    )


def _problem(name: str, stage: str, kind: str, message: str, *, secret: bool = False) -> Diagnostic:
    variable = ENVIRONMENT_PREFIX + name.upper()
    mend = f"set {variable}" if secret else (
        f"write it in {SETTINGS_FILE} below [{stage}], set {variable}, or pass --set {name}=VALUE"
    )
    if name == _TOGETHER:
        return Diagnostic(
            "GS1305", f"settings of stage `{stage}` do not fit together", detail=message.removeprefix("Value error, "),
            mend=f"change one of them in {SETTINGS_FILE} below [{stage}]",
        )
    if kind == "missing":
        return Diagnostic("GS1301", f"setting `{name}` has no value for stage `{stage}`", mend=mend)
    return Diagnostic("GS1305", f"setting `{name}` does not fit for stage `{stage}`", detail=message, mend=mend)
