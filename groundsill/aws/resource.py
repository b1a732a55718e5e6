"""The resource that ``aws.<type>(...)`` gives: a node of the graph that knows its type's schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from groundsill.aws.arguments import checked_arguments
from groundsill.aws.meta import checked_name, take_meta, warn_deprecated_type
from groundsill.aws.problems import UNKNOWN_ATTRIBUTE, UNKNOWN_TYPE, Problem, Problems, text_of
from groundsill.aws.schema import Block, schema_file, type_schema
from groundsill.aws.tags import with_tags
from groundsill.graph.diagnostics import Diagnostic, GroundsillError, Severity, did_you_mean
from groundsill.graph.reference import Broken, Reference, Step
from groundsill.graph.resource import Resource
from groundsill.graph.scope import current_scope
from groundsill.graph.shapes import is_list, is_mapping
from groundsill.graph.source import SourceLocation, caller_location

NOT_TYPES = ("_", "pytest", "setup", "setUp", "teardown", "tearDown", "load_tests")
"""What names begin with that Python and test runners look for in a module, and no type of AWS."""


class AwsResource(Resource):
    """A resource or data source of the AWS provider.

    Attributes of the type are references: ``queue.arn``. What a graph node has of its own comes first
    (``queue.name`` is the Terraform name; so are ``type``, ``location``, ``component``, ``address``, ``data``,
    ``subject`` and ``arguments`` the node's): ``queue["name"]`` always means the attribute of the type.

    Example:
        >>> from groundsill import aws
        >>> queue = aws.sqs_queue("jobs", name="energy-jobs")
        >>> queue.arn.expression, queue["name"].expression, queue.name
        ('aws_sqs_queue.jobs.arn', 'aws_sqs_queue.jobs.name', 'jobs')
    """

    if not TYPE_CHECKING:  # a type checker knows the attributes of each type from the stubs

        def __getattr__(self, name: str) -> Reference:
            if name.startswith("_"):
                raise AttributeError(name)
            return self[name]

    def __getitem__(self, step: Step) -> Reference:
        """An attribute of the type as a reference.

        Raises:
            GroundsillError: where the type has no such attribute, outside a definition. Inside one the
                mistake is collected.
        """
        schema = type_schema(self.type, data=self.data)
        if schema is None or not isinstance(step, str) or step in schema.attributes or schema.has_block(step):
            return super().__getitem__(step)
        known = [*schema.attributes, *schema.block_names]
        _report(
            [
                Problem(
                    UNKNOWN_ATTRIBUTE,
                    step,
                    f"unknown attribute `{step}` of {self.type}",
                    mend=did_you_mean(step, known, what="Known attributes"),
                )
            ],
            _subject(self.type, self.name, self.data),
        )
        return Broken()

    def override(self, **arguments: Any) -> AwsResource:
        """Patch arguments after construction, checked like those of the constructor.

        Mappings are merged key by key, at any depth. A mapping given for a nested block is merged into the
        one block that is there. A list replaces what was there. None removes an argument or a key.

        Arguments:
            arguments: arguments of the type. Meta arguments cannot be patched.

        Returns:
            The resource itself.

        Raises:
            GroundsillError: where an argument does not fit, outside a definition. Inside one the mistake is
                collected
                and the argument keeps its value.

        Example:
            >>> from groundsill import aws
            >>> table = aws.dynamodb_table(
            ...     "raw", name="raw", hash_key="id", attribute={"name": "id", "type": "S"},
            ...     ttl={"enabled": True, "attribute_name": "expires"})
            >>> table.override(ttl={"attribute_name": "gone_at"}).arguments["ttl"]
            [{'enabled': True, 'attribute_name': 'gone_at'}]
        """
        schema = type_schema(self.type, data=self.data)
        assert schema is not None
        merged = _merged(self.arguments, arguments)
        checked, problems = checked_arguments(self.type, schema, merged)
        mine = [problem for problem in problems if problem.argument in arguments]
        failed = {problem.argument for problem in mine if problem.severity is Severity.ERROR}
        for name in failed & self.arguments.keys():
            checked[name] = self.arguments[name]
        self.arguments.clear()
        self.arguments.update(checked)
        _report(mine, _subject(self.type, self.name, self.data), at_caller=True)
        return self

    def suppress(self, rule: str, *, because: str) -> AwsResource:
        """Live with what a rule of `groundsill check` finds in this resource; every report shows it with the reason.

        Arguments:
            rule: id of the rule.
            because: why this is right here.

        Returns:
            The resource itself. Outside a definition nothing is checked, so nothing is noted.

        Example:
            ``aws.sns_topic("news", name="news").suppress("topic-not-encrypted", because="what it says is public")``
        """
        scope = current_scope()
        if scope is not None:
            scope.suppress(rule, self.address, because, caller_location(2), _subject(self.type, self.name, self.data))
        return self


def _merged(old: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(old)
    for key, value in patch.items():
        before = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif is_mapping(value) and is_mapping(before):
            merged[key] = _merged(before, value)
        elif is_mapping(value) and is_list(before) and len(before) == 1 and is_mapping(before[0]):
            merged[key] = [_merged(before[0], value)]
        else:
            merged[key] = value
    return merged


def _subject(type: str, name: Any, data: bool) -> str:
    return f"aws.{'data.' if data else ''}{type.removeprefix('aws_')}({json.dumps(text_of(name))})"


def _report(problems: list[Problem], subject: str, *, at_caller: bool = False) -> None:
    """Collect mistakes in the definition that is running; raise them where none is."""
    if not problems:
        return
    scope = current_scope()
    frame = None if at_caller or scope is None else scope.frame
    location = frame.location if frame else caller_location(2)
    diagnostics = [problem.at(location, frame.subject if frame else subject) for problem in problems]
    if scope is not None:
        for diagnostic in diagnostics:
            scope.diagnostics.add(diagnostic)
    elif any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics):
        raise GroundsillError(diagnostics)


def construct(type: str, schema: Block, name: Any, arguments: dict[str, Any], *, data: bool) -> AwsResource:
    """Make one resource from what the user wrote.

    Inside a definition mistakes are collected and the resource is added with what is usable, so that later
    references to it hold. Outside one they are raised together.

    Raises:
        GroundsillError: every mistake, outside a definition.
    """
    scope = current_scope()
    problems = Problems(type)
    terraform_name = checked_name(name, problems)
    meta = take_meta(type, schema, arguments, problems)
    warn_deprecated_type(schema, problems)
    checked, found = checked_arguments(type, schema, arguments)
    if scope is not None and not data:
        with_tags(schema, checked, scope, arguments.get("tags"))
    frame = scope.frame if scope else None
    location: SourceLocation | None = frame.location if frame else caller_location(2)
    subject = frame.subject if frame else _subject(type, name, data)
    provider = meta.provider
    if meta.region is not None:
        provider = scope.graph.add_provider(meta.region) if scope else meta.region.replace("-", "_")
    resource = AwsResource(
        type,
        terraform_name,
        checked,
        data=data,
        provider=provider,
        component=frame.component if frame else "",
        location=location,
        subject=subject,
        depends_on=meta.depends_on,
        lifecycle=meta.lifecycle,
        moved_from=meta.moved_from,
    )
    _report([*problems.found, *found], _subject(type, name, data))
    if scope is not None:
        scope.graph.add(resource)
    return resource


class TypeConstructor:
    """What ``aws.<type>`` is: call it with a Terraform name and the type's arguments.

    Arguments:
        type: Terraform type, for example ``aws_sqs_queue``.
        data: whether it makes a data source.
    """

    __slots__ = ("_data", "_schema", "type")

    def __init__(self, type: str, schema: Block, data: bool) -> None:
        self.type = type
        self._schema = schema
        self._data = data

    def __call__(self, name: str, /, **arguments: Any) -> AwsResource:
        """Make a resource of this type: see :func:`construct`."""
        return construct(self.type, self._schema, name, arguments, data=self._data)

    def __repr__(self) -> str:
        return f"<{'data source' if self._data else 'resource'} type {self.type}>"


def constructor(name: str, *, data: bool = False) -> Any:
    """The constructor of a type.

    Arguments:
        name: short name, without ``aws_``.
        data: whether a data source is meant.

    Raises:
        GroundsillError: where the provider has no such type, outside a definition. Inside one the mistake is
            collected.
    """
    schema = type_schema(f"aws_{name}", data=data)
    if schema is not None:
        return TypeConstructor(f"aws_{name}", schema, data)
    from difflib import get_close_matches

    kind, other = ("data source", "resource") if data else ("resource", "data source")
    names = list(schema_file().names(data=data))
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    mend = f"did you mean {' or '.join(f'`{match}`' for match in close)}?" if close else "see dir(aws)"
    short = name.removeprefix("aws_")
    if type_schema(f"aws_{short}", data=data):
        mend = f"write `{short}`: the surface leaves `aws_` out"
    elif type_schema(f"aws_{name}", data=not data):
        mend = f"there is a {other} type of this name: `aws.{'' if data else 'data.'}{name}`"
    _report(
        [
            Problem(
                UNKNOWN_TYPE,
                name,
                f"unknown {kind} type `aws_{name}`",
                f"the AWS provider {schema_file().provider_version} has {len(names)} {kind} types and not this",
                mend,
            )
        ],
        f"aws.{'data.' if data else ''}{name}",
    )
    return Broken()


def diagnostics_of(type: str, arguments: Mapping[str, Any], *, data: bool = False) -> list[Diagnostic]:
    """What is wrong with a set of arguments, without making a resource: for graphs that come from elsewhere.

    Example:
        >>> [diagnostic.code for diagnostic in diagnostics_of("aws_sqs_queue", {"naem": "jobs"})]
        ['GS1101']
    """
    schema = type_schema(type, data=data)
    if schema is None:
        return [Diagnostic(UNKNOWN_TYPE, f"unknown type `{type}`")]
    _, problems = checked_arguments(type, schema, arguments)
    return [problem.at(None, "") for problem in problems]
