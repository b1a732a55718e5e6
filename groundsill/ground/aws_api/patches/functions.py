"""Lambda: what a function's configuration of asynchronous calls was not given.

Six hours is what Lambda goes by where no age is set; ``MaximumEventAgeInSeconds`` of the answer is then empty
("FunctionEventInvokeConfig", AWS Lambda API Reference). The emulator put the six hours into it, which Terraform saw as
a change.
"""

from __future__ import annotations

from typing import Any

_AGE = "MaximumEventAgeInSeconds"


def apply(module: Any) -> None:
    """Mend the emulator's Lambda module."""
    put = module._put_event_invoke_config

    def put_config(name: str, qualifier: str | None, data: dict[str, Any]) -> Any:
        answer = put(name, qualifier, data)
        if answer[0] != 200 or _AGE in data:
            return answer
        config = module._functions[name]["event_invoke_configs"][qualifier or ""]
        config.pop(_AGE, None)
        return module.json_response(config)

    module._put_event_invoke_config = put_config
