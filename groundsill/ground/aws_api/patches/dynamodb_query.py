"""DynamoDB: a Query reads the page it returns, not the whole partition.

AWS keeps the items of a partition in sort-key order and reads a page from there. The emulator gathered the whole
partition, sorted it and tested the key condition on each item, for every page: 1.1 s for the newest item of a
60,000-item index partition. Here each partition that is queried gets a sorted list, kept up to date by each write;
the emulator's own Query then runs on just the items of the page. All of its validation, filtering, projection and
paging stay as they are; a query whose form is not understood takes its usual way.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import Any

PAGE_BYTES = 1_048_576
"""A page ends before 1 MB of data ("Query", Amazon DynamoDB Developer Guide)."""

WORTH_IT = 32
"""Partitions up to this size are as quick without a sorted list."""

_COMPARISONS = {"EQ": "=", "LT": "<", "LE": "<=", "GT": ">", "GE": ">="}


@dataclass
class Partition:
    """The items of one partition of a table or index, in sort order."""

    keys: list[tuple[Any, ...]]
    items: list[Any]
    sizes: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, key: tuple[Any, ...], item: Any) -> None:
        """Put an item in its place."""
        place = bisect_left(self.keys, key)
        self.keys.insert(place, key)
        self.items.insert(place, item)

    def remove(self, key: tuple[Any, ...]) -> None:
        """Take an item out."""
        place = bisect_left(self.keys, key)
        if place < len(self.keys) and self.keys[place] == key:
            self.sizes.pop(id(self.items[place]), None)
            del self.keys[place], self.items[place]


@dataclass(frozen=True)
class Order:
    """How one table or index is partitioned and sorted; ``names`` are sort attributes with their types."""

    hash_names: list[str]
    range_names: list[str]
    names: list[tuple[str, str]]


@dataclass
class Page:
    """What a query needs to run on its page alone."""

    table_name: str
    shadow: dict[str, Any]
    start: Any
    sizes: dict[int, int]


class Orders:
    """Sorted partitions of every table that is queried.

    Arguments:
        module: the emulator's DynamoDB module.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._tables: dict[int, tuple[Any, dict[str, tuple[Order, dict[Any, Partition]]]]] = {}
        self._page: Page | None = None
        self._query = module._query
        self._size = module._item_size_bytes
        self._evaluate = module._evaluate_condition
        self._checked: dict[tuple[str, str], list[Any]] = {}
        self._values_checked: Any = None
        module._query = self.query
        module._item_size_bytes = self._item_size
        module._evaluate_condition = self._condition
        update_table = module._update_table

        def update_and_forget(data: Any) -> Any:
            self._tables.clear()
            return update_table(data)

        module._update_table = update_and_forget

    # Kept up to date by every write

    def forget(self, table: Any) -> None:
        """All items of a table were exchanged."""
        self._tables.pop(id(table), None)

    def changed(self, table: Any, old: Any, new: Any) -> None:
        """An item was stored, replaced or removed (None where there is none)."""
        entry = self._tables.get(id(table))
        if entry is None:
            return
        for order, partitions in entry[1].values():
            for item, add in ((old, False), (new, True)):
                value = None if item is None else self._module._index_partition(item, order.hash_names,
                                                                                order.range_names)
                partition = None if value is None else partitions.get(value)
                if partition is None:
                    continue
                if add:
                    partition.add(self._key(order, item), item)
                else:
                    partition.remove(self._key(order, item))

    # Queries

    def query(self, data: Any) -> Any:
        """The emulator's Query, on the items of the page where that is possible."""
        try:
            page = self._plan(data)
        except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError):
            page = None  # a malformed request: the emulator words the error
        if page is None:
            return self._query(data)
        module, tables = self._module, self._module._tables
        shadowed = _Shadowed(tables, page.table_name, page.shadow)
        module._tables, self._page = shadowed, page
        try:
            return self._query(data)
        finally:
            module._tables, self._page = tables, None

    def _plan(self, data: Any) -> Page | None:
        module = self._module
        expression = data.get("KeyConditionExpression")
        if not isinstance(expression, str) or data.get("KeyConditions") or data.get("QueryFilter"):
            return None
        name = module._normalize_table_name(data.get("TableName"))
        table = module._tables.get(name)
        index_name = data.get("IndexName") or ""
        index = module._index_def(table, index_name) if index_name else None
        if not table or (index_name and index is None):
            return None
        hash_names, range_names = module._index_key_lists(index) if index else (
            [table["pk_name"]], [table["sk_name"]] if table["sk_name"] else [])
        if len(hash_names) != 1 or len(range_names) > 1 or (not index and not range_names):
            return None
        conditions = self._conditions(expression, data)
        if conditions is None or hash_names[0] not in conditions:
            return None
        operator, (wanted, *_) = conditions.pop(hash_names[0])
        if operator != "=" or any(name not in range_names for name in conditions):
            return None
        value = module._extract_key_val(wanted)
        if not index:
            bucket = table["items"].get(value, {})
            if len(bucket) <= WORTH_IT:
                return None
        else:
            members: Any = module._index_members(table).get(index_name)
            if not members or len(members.get(value, ())) <= WORTH_IT:
                return None
        order, partition = self._partition(table, index_name, hash_names, range_names, value)
        low, high = self._range(order, partition, conditions.get(range_names[0]) if range_names else None)
        forward = data.get("ScanIndexForward", True)
        start = data.get("ExclusiveStartKey")
        if start:
            cursor = self._key(order, start)
            if any(attribute not in start for attribute, _ in order.names):
                return None
            if forward:
                low = max(low, bisect_right(partition.keys, cursor))
            else:
                high = min(high, bisect_left(partition.keys, cursor))
        whole = index is None or index.get("Projection", {}).get("ProjectionType") == "ALL"
        items = self._read(partition, low, high, bool(forward), data.get("Limit"), whole)
        shadow = dict(table)
        if index:
            shadow["items"] = {0: dict(enumerate(items))}
            shadow[module._INDEX_MEMBERS] = {index_name: {value: [(0, n) for n in range(len(items))]}}
        else:
            shadow["items"] = {value: dict(enumerate(items))}
        return Page(name, shadow, start, partition.sizes)

    def _conditions(self, expression: str, data: Any) -> dict[str, tuple[str, list[Any]]] | None:
        """Operator and operand values by attribute, or None for a form that is not understood."""
        names: Any = data.get("ExpressionAttributeNames") or {}
        values = data["ExpressionAttributeValues"]
        found: dict[str, tuple[str, list[Any]]] = {}
        for clause in self._module._key_condition_clauses(self._module._tokenize(expression)):
            kinds = [kind for kind, _ in clause]
            texts = [text for _, text in clause]

            def named(place: int, kinds: list[str] = kinds, texts: list[str] = texts) -> str:
                return names[texts[place]] if kinds[place] == "NAME_REF" else texts[place]

            if len(clause) == 3 and kinds[1] in _COMPARISONS and kinds[2] == "VALUE_REF":
                attribute, operator, operands = named(0), _COMPARISONS[kinds[1]], [texts[2]]
            elif len(clause) == 5 and texts[1].upper() == "BETWEEN" and texts[3].upper() == "AND":
                attribute, operator, operands = named(0), "between", [texts[2], texts[4]]
            elif len(clause) == 6 and texts[0].lower() == "begins_with" and kinds[4] == "VALUE_REF":
                attribute, operator, operands = named(2), "begins_with", [texts[4]]
            else:
                return None
            if attribute in found:
                return None
            found[attribute] = (operator, [values[operand] for operand in operands])
        return found

    def _partition(self, table: Any, index_name: str, hash_names: list[str], range_names: list[str],
                   value: Any) -> tuple[Order, Partition]:
        module = self._module
        entry = self._tables.get(id(table))
        if entry is None or entry[0] is not table:
            entry = self._tables[id(table)] = (table, {})
        if index_name not in entry[1]:
            if index_name:
                names = module._index_order_keys(table, range_names)
            else:
                names = [(range_names[0], module._get_attr_type(table, range_names[0]))]
            entry[1][index_name] = (Order(hash_names, range_names, names), {})
        order, partitions = entry[1][index_name]
        partition = partitions.get(value)
        if partition is None:
            if index_name:
                members = module._index_members(table)[index_name][value]
                items = [table["items"][base][sort] for base, sort in members]
            else:
                items = list(table["items"][value].values())
            pairs = sorted(((self._key(order, item), item) for item in items), key=lambda pair: pair[0])
            partition = partitions[value] = Partition([key for key, _ in pairs], [item for _, item in pairs])
        return order, partition

    def _key(self, order: Order, item: Any) -> tuple[Any, ...]:
        value = self._module._index_order_value
        return tuple(value(item, name, kind) for name, kind in order.names)

    def _range(self, order: Order, partition: Partition, condition: tuple[str, list[Any]] | None) -> tuple[int, int]:
        keys = partition.keys
        if condition is None:
            return 0, len(keys)
        operator, operands = condition
        kind = order.names[0][1]
        if any(set(operand) != {kind} for operand in operands):
            raise ValueError("type mismatch")
        values = [self._module._sort_key_value(operand, kind) for operand in operands]

        def at_least(value: Any) -> int:
            return bisect_left(keys, value, key=_first)

        def beyond(value: Any) -> int:
            return bisect_right(keys, value, key=_first)

        first = values[0]
        if operator == "=":
            return at_least(first), beyond(first)
        if operator == "between":
            return at_least(first), beyond(values[1])
        if operator == "begins_with":
            low = at_least(first)
            # Those that begin with the prefix stand together, right from here.
            return low, bisect_left(keys, True, lo=low, key=lambda key: not key[0].startswith(first))
        if operator in ("<", "<="):
            return 0, at_least(first) if operator == "<" else beyond(first)
        return beyond(first) if operator == ">" else at_least(first), len(keys)

    def _read(self, partition: Partition, low: int, high: int, forward: bool, limit: Any, whole: bool) -> list[Any]:
        places = range(low, high) if forward else range(high - 1, low - 1, -1)
        most = int(limit) + 1 if limit is not None else len(places)
        found: list[Any] = []
        total = 0
        for place in places[:max(most, 0)]:
            item = partition.items[place]
            found.append(item)
            if whole:
                size = partition.sizes.get(id(item))
                if size is None:
                    size = partition.sizes[id(item)] = self._size(item)
                total += size
                if total > PAGE_BYTES:
                    break
        return found

    # What the emulator's Query would compute for each item again

    def _item_size(self, item: Any) -> int:
        if self._page is not None:
            known = self._page.sizes.get(id(item))
            if known is not None:
                return known
        return self._size(item)

    def _condition(self, expression: Any, item: Any, values: Any, names: Any,
                   slot: str = "ConditionExpression") -> Any:
        if self._page is not None and slot == "KeyConditionExpression" and item is not self._page.start:
            return True  # the page holds only items that meet it
        if not isinstance(expression, str):
            return self._evaluate(expression, item, values, names, slot)
        tokens = self._checked.get((expression, slot))
        if tokens is None or values is not self._values_checked:
            result = self._evaluate(expression, item, values, names, slot)
            if len(self._checked) > 500:
                self._checked.clear()
            self._checked[expression, slot] = self._module._tokenize(expression)
            self._values_checked = values
            return result
        # The syntax was checked on the first item of this request: only evaluate.
        try:
            return self._module._ExprEval(tokens, item, values, names).evaluate()
        except Exception:  # noqa: BLE001 -- the emulator's own evaluation words whatever is wrong
            return self._evaluate(expression, item, values, names, slot)


def _first(key: tuple[Any, ...]) -> Any:
    return key[0]


class _Shadowed:
    """The emulator's tables, with one in the form that a page needs."""

    def __init__(self, tables: Any, name: str, shadow: dict[str, Any]) -> None:
        self._tables, self._name, self._shadow = tables, name, shadow

    def get(self, name: Any, default: Any = None) -> Any:
        return self._shadow if name == self._name else self._tables.get(name, default)

    def __getitem__(self, name: Any) -> Any:
        return self._shadow if name == self._name else self._tables[name]

    def __contains__(self, name: Any) -> bool:
        return name in self._tables

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tables, name)
