"""Services that are kept and do not run: what they are told is there to be read, changed, tagged and deleted, as on AWS,
so that a deployment can be rehearsed. None of them does its work: nothing is watched, scaled, traced or deployed.

A service is a class of operations; how a request becomes one is AWS's own service model (``wire.py``). Those that the
emulator lacks are added whole; of those that it has, the operations that it lacks.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

from groundsill.ground.aws_api.emulator import Emulator
from groundsill.ground.aws_api.records.service import Recorded

_SERVICES: dict[str, tuple[str, str]] = {
    # By the name in the signature ("Actions, resources, and condition keys", Service Authorization Reference).
    "access-analyzer": ("access_analyzer", "AccessAnalyzer"),
    "application-autoscaling": ("auto_scaling", "ApplicationAutoScaling"),
    "ce": ("cost_explorer", "CostExplorer"),
    "codedeploy": ("codedeploy", "CodeDeploy"),
    "dlm": ("dlm", "LifecycleManager"),
    "guardduty": ("guardduty", "GuardDuty"),
    "macie2": ("macie", "Macie"),
    "securityhub": ("security_hub", "SecurityHub"),
    "sms-voice": ("sms_voice", "SmsVoice"),
    "xray": ("xray", "XRay"),
}
_PARTS: dict[str, tuple[str, str]] = {
    # By the emulator's module.
    "backup": ("backup", "Backup"),
    "cloudwatch_logs": ("log_queries", "LogQueries"),
    "config": ("config", "Config"),
    "ssm": ("ssm_documents", "SsmDocuments"),
    "waf": ("waf", "Waf"),
}
_STATE = "groundsill_"
"""Begins the names under which a part's stores are kept with those of the emulator's module."""


def add_services(emulator: Emulator) -> None:
    """Make the services known that the emulator lacks; each is loaded at its first call."""
    app = emulator.app
    for signed, (name, _) in _SERVICES.items():
        app.SERVICE_REGISTRY[signed] = {"module": name}
        app.SERVICE_HANDLERS[signed] = app._lazy_handler(name)
        app._state_map[name] = name
    load = app._get_module

    def load_ours_too(name: str) -> Any:
        for own, class_name in _SERVICES.values():
            if own == name and name not in app._loaded_modules:
                service = _make(emulator, own, class_name)
                app._loaded_modules[name] = service
                sys.modules[f"ministack.services.{name}"] = service  # pyright: ignore[reportArgumentType] -- serves as one
        return load(name)

    app._get_module = load_ours_too


def parts(emulator: Emulator) -> dict[str, Callable[[Any], None]]:
    """By the emulator's module: what adds the operations to it that it lacks."""
    def adding(own: str, class_name: str) -> Callable[[Any], None]:
        return lambda module: _add(module, _make(emulator, own, class_name))

    return {module: adding(*names) for module, names in _PARTS.items()}


def _make(emulator: Emulator, own: str, class_name: str) -> Recorded:
    return getattr(importlib.import_module(f"{__name__}.{own}"), class_name)(emulator)


def _add(module: Any, part: Recorded) -> None:
    handle, get_state, restore = module.handle_request, module.get_state, module.load_persisted_state

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        return part.answer(method, path, headers, body, query) or await handle(method, path, headers, body, query)

    def state() -> dict[str, Any]:
        return {**get_state(), **{f"{_STATE}{name}": store for name, store in part.get_state().items()}}

    def load_state(data: dict[str, Any]) -> None:
        part.load_persisted_state({name.removeprefix(_STATE): store for name, store in data.items()
                                   if name.startswith(_STATE)})
        restore({name: store for name, store in data.items() if not name.startswith(_STATE)})

    module.handle_request, module.get_state, module.load_persisted_state = handle_request, state, load_state
