"""How a task of ECS ended: well, or why not and what to do.

Sources: Amazon ECS Developer Guide, "Stopped tasks error codes" and "Viewing Amazon ECS stopped task errors".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from groundsill.graph.shapes import is_list, is_mapping

_NETWORK = "subnets with a public address, a NAT gateway or endpoints reach it"
# What the reason says that ECS gives, why it was, and what to do; the first that fits counts.
_REASONS = (
    ("CannotPullContainer", "the image could not be pulled",
     f"see whether the image is in its repository, and whether the task reaches Amazon ECR: {_NETWORK}"),
    ("CannotPullManifest", "the image could not be pulled", "see whether its repository has it for the task's platform"),
    ("logging driver", "the log could not be opened", "see whether the log group exists and the execution role may write to it"),
    ("secret", "a secret could not be read",
     f"see whether the secret has a value and the task reaches Secrets Manager: {_NETWORK}"),
    ("asm", "a secret could not be read", f"see whether the secret has a value and the task reaches Secrets Manager: {_NETWORK}"),
    ("ssm", "a parameter could not be read", f"see whether it exists and the task reaches Systems Manager: {_NETWORK}"),
    ("CannotStartContainer", "the container could not be started",
     "see whether the program that `command` names is in the image, for the task's platform"),
    ("ContainerRuntime", "the container could not be started", "run the same command again"),
    ("ResourceInitializationError", "the task could not be prepared", "see what AWS says above, and run the same command again"),
    ("Capacity", "Fargate has no room just now", "run the same command again"),
)
_AGAIN = "mend it and run the same command again: what was made is kept, and the task runs again"


class Ending(NamedTuple):
    """How a task ended.

    Arguments:
        well: whether its process has ended with 0.
        words: what happened.
        mend: what to do; empty where it ended well.
    """

    well: bool
    words: str
    mend: str = ""


def ending(task: Mapping[str, Any], container: str, timeout: float | None = None) -> Ending:
    """Judge a task that has stopped.

    Arguments:
        task: as DescribeTasks gives it.
        container: name of the container whose exit code counts.
        timeout: seconds after which it was stopped; None where it was not.

    Example:
        >>> ending({"containers": [{"name": "migrate", "exitCode": 0}]}, "migrate")
        Ending(well=True, words='migrate has ended with exit code 0', mend='')
    """
    listed = task.get("containers")
    containers = [item for item in (listed if is_list(listed) else ()) if is_mapping(item)]
    empty: Mapping[str, Any] = {}
    ran = next((item for item in containers if item.get("name") == container), empty)
    code = ran.get("exitCode")
    reasons = [str(reason) for reason in (ran.get("reason"), task.get("stoppedReason")) if reason]
    reason = "; ".join(dict.fromkeys(reasons))
    if timeout is not None:
        return Ending(False, f"{container} took longer than its timeout of {timeout:.0f} s and was stopped",
                      "give the task a longer `timeout`, or make its steps shorter: each a transaction that the next run need "
                      "not repeat")
    if code == 0:
        return Ending(True, f"{container} has ended with exit code 0")
    if "OutOfMemory" in reason:
        return Ending(False, f"{container} was ended because its memory was used up ({reason})", "give the task more `memory`")
    if task.get("stopCode") == "UserInitiated":
        return Ending(False, f"somebody has stopped the task ({reason})", "run the same command again")
    if isinstance(code, int):
        why = f" ({reason})" if ran.get("reason") else ""
        return Ending(False, f"{container} has ended with exit code {code}{why}", _AGAIN)
    for word, why, mend in _REASONS:
        if word in reason:
            return Ending(False, f"{why}: {reason}", mend)
    return Ending(False, f"{container} did not run: {reason or 'ECS does not say why'}", _AGAIN)
