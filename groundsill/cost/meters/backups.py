"""AWS Backup: what is kept, warm and cold, here and in another region.

"AWS Backup Pricing" (aws.amazon.com/backup/pricing): by the GB and month. A backup of a table is always whole; those of
volumes, databases and buckets hold what has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from groundsill.cost.amount import Amount, exactly
from groundsill.cost.context import GB, Context, counted, plain_number, title
from groundsill.cost.meters.buckets import held_by_bucket
from groundsill.cost.meters.databases import held_by_cluster
from groundsill.cost.meters.tables import held_by_table
from groundsill.cost.model import Factor, Lines, Parameter, Service
from groundsill.cost.quantities import DAYS_PER_MONTH, Dimension
from groundsill.cost.recurrence import times_a_month
from groundsill.graph.resource import Resource
from groundsill.graph.shapes import is_list, is_mapping

_UNPRICED = {
    "aws_backup_framework": "audits are paid by the evaluation, and the price book has no price of them",
}
service = Service("AWS Backup", unpriced=_UNPRICED, free={
    "aws_backup_global_settings": "a setting",
    "aws_backup_region_settings": "a setting", "aws_backup_report_plan": "reports are free",
    "aws_backup_selection": "a setting", "aws_backup_vault": "what is in a vault is paid with its plan",
    "aws_backup_vault_lock_configuration": "a setting", "aws_backup_vault_notifications": "a setting",
    "aws_backup_vault_policy": "a policy",
    "aws_backup_restore_testing_selection": "paid with its plan",
})
_KINDS = {"aws_dynamodb_table": "dynamodb", "aws_db_instance": "rds", "aws_rds_cluster": "aurora", "aws_ebs_volume": "ebs",
          "aws_instance": "ebs", "aws_s3_bucket": "s3"}
_WARM = {"dynamodb": "aws_backup.dynamodb_warm", "rds": "aws_backup.rds_snapshot", "aurora": "aurora.backup",
         "ebs": "aws_backup.ebs_snapshot", "s3": "aws_backup.s3_warm"}
_CHANGED = Amount(0.005, 0.02, 0.1)  # of what is held, from one backup to the next
_FILLED = Amount(0.1, 0.3, 0.8)
_MOST_KEPT = 3650


@service.meter("aws_backup_plan", Parameter(
    "protected", Dimension.STORED, "what each kind of resource that it protects holds:"))
def plan(context: Context, plan: Resource) -> Lines:
    """What a plan keeps of everything that its selections name."""
    protected: dict[str, list[Resource]] = {}
    for selection in context.referring(plan, "aws_backup_selection"):
        for target in context.view.targets(selection, "resources"):
            if target.type in _KINDS:
                protected.setdefault(_KINDS[target.type], []).append(target)
    if not protected:
        yield context.not_known(plan, "backups", "which resources it protects is not known before apply")
        return
    for rule in context.view.blocks(plan, "rule"):
        for kind, resources in protected.items():
            yield from _kept(context, plan, rule, kind, resources)


def _kept(context: Context, plan: Resource, rule: Mapping[str, Any], kind: str, resources: list[Resource]) -> Lines:
    held = _held(context, plan, kind, resources)
    times = times_a_month(str(rule.get("schedule") or "cron(0 5 ? * * *)"))
    lifecycle = rule.get("lifecycle")
    lifecycle = lifecycle[0] if is_list(lifecycle) and lifecycle else lifecycle
    if times is None:
        yield context.not_known(plan, f"backups of {kind}", "its schedule cannot be read")
        return
    days = plain_number(lifecycle.get("delete_after")) if is_mapping(lifecycle) else None
    cold = plain_number(lifecycle.get("cold_storage_after")) if is_mapping(lifecycle) else None
    days = min(days or context.traffic.months * DAYS_PER_MONTH, _MOST_KEPT)
    warm_days = min(days, cold) if cold else days
    yield _line(context, plan, f"backups of {kind}", _WARM[kind], held, kind, times * warm_days / DAYS_PER_MONTH)
    if cold and days > cold:
        yield _line(context, plan, f"cold backups of {kind}", f"aws_backup.{kind}_cold", held, kind,
                    times * (days - cold) / DAYS_PER_MONTH)
    copies = rule.get("copy_action")
    for copy in copies if is_list(copies) else [copies]:
        if is_mapping(copy):
            yield _line(context, plan, f"copies of {kind} in another region", _WARM[kind], held, kind,
                        times * warm_days / DAYS_PER_MONTH)
            moved = held * (counted(times, "times") if kind == "dynamodb" else counted(_CHANGED * times, "of it changed"))
            yield context.line(plan, f"copying {kind} to another region", "data_transfer.to_other_region", moved)


def _line(context: Context, plan: Resource, what: str, key: str, held: Factor, kind: str, number: float) -> Any:
    """A number of backups that are kept at once: each whole, or the first whole and the others what changed."""
    if kind == "dynamodb":
        return context.line(plan, what, key, held, counted(number, "backups, each of them whole"))
    amount = exactly(1) + _CHANGED * max(number - 1, 0)
    shown = counted(amount, "of it", f"{title(plan)}: 2 % changes from one backup to the next (0.5 % to 10 %)")
    return context.line(plan, what, key, held, shown)


def _held(context: Context, plan: Resource, kind: str, resources: list[Resource]) -> Factor:
    """GB that resources hold, as their own meters say it."""
    stated = context.traffic.stated(plan, "protected")
    if stated is not None:
        return Factor(stated * GB, f"{stated.expected * GB:.3g} GB")
    total: Factor | None = None
    for resource in resources:
        found = _holds(context, resource)
        total = found if total is None else total + found
    assert total is not None
    if total.amount is None:
        return total
    return Factor(total.amount * GB, f"{total.amount.expected * GB:.3g} GB of {kind}", total.assumptions)


def _holds(context: Context, resource: Resource) -> Factor:
    """Bytes that a resource holds; of a volume or a database's storage, the part that is filled."""
    match resource.type:
        case "aws_dynamodb_table":
            return held_by_table(context, resource)
        case "aws_s3_bucket":
            return held_by_bucket(context, resource)
        case "aws_rds_cluster":
            return held_by_cluster(context, resource)
        case "aws_db_instance":
            size = context.number(resource, "allocated_storage", words="GB")
        case _:
            size = context.number(resource, "size", words="GB", default=8)
    return size.scaled(1 / GB) * counted(_FILLED, "filled", f"{title(resource)}: 30 % of its storage is filled (10 % to 80 %)")


@service.meter("aws_backup_restore_testing_plan", Parameter(
    "restored", Dimension.STORED, "what is restored each time:", Amount(2**20, 2**30, 20 * 2**30)))
def restore_test(context: Context, plan: Resource) -> Lines:
    """What is restored, by the GB."""
    times = times_a_month(context.text(plan, "schedule_expression") or "")
    if times is None:
        yield context.not_known(plan, "restores", "its schedule cannot be read")
        return
    yield context.line(plan, "restores", "dynamodb.restore", counted(times, "restores"),
                       context.measure(plan, "restored", "each").scaled(GB))
