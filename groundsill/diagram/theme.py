"""Colours of the picture, light and dark."""

from __future__ import annotations

_LIGHT = {
    "page": "#ffffff", "card": "#ffffff", "text": "#1b2430", "quiet": "#5c6675", "border": "#c9d0da", "rule": "#e8ebf0",
    "account": "#f7f8fa", "region": "#ffffff", "vpc": "#f3f8f4", "public": "#eaf5ea", "private": "#eaf2fa", "isolated": "#f2eef9",
    "operations": "#f7f8fa", "chip": "#ffffff", "invoke": "#b4540a", "data": "#2b62b8", "network": "#7a8594",
    "people": "#4a5568", "net": "#6d3fc4", "compute": "#c05a10", "messages": "#b3256e", "store": "#2558b0", "security": "#b02a30",
    "vpc-line": "#4f8f5b", "halo": "#ffffff",
}
_DARK = {
    "page": "#12161c", "card": "#1d232c", "text": "#e6eaf0", "quiet": "#9aa5b4", "border": "#3b4554", "rule": "#2a323e",
    "account": "#161b22", "region": "#12161c", "vpc": "#152019", "public": "#19291d", "private": "#172330", "isolated": "#211c2e",
    "operations": "#161b22", "chip": "#1d232c", "invoke": "#f0a060", "data": "#7fb0ff", "network": "#8793a3",
    "people": "#a7b3c4", "net": "#b394f5", "compute": "#f2a35e", "messages": "#f07fb4", "store": "#82b1ff", "security": "#ff8b8f",
    "vpc-line": "#6fbf7d", "halo": "#12161c",
}
_RULES = """
.page{fill:var(--page)}.heading{fill:var(--text);font-weight:600}.quiet{fill:var(--quiet)}
.box{stroke:var(--border);stroke-width:1}.account{fill:var(--account)}.region{fill:var(--region);stroke-dasharray:5 4}
.vpc{fill:var(--vpc);stroke:var(--vpc-line)}.public{fill:var(--public)}.private{fill:var(--private)}.isolated{fill:var(--isolated)}
.operations{fill:var(--operations)}.chip{fill:var(--chip);stroke:var(--border)}
.title{fill:var(--text);font-weight:600;paint-order:stroke;stroke:var(--halo);stroke-width:3px;stroke-opacity:.8}.vpc-title{fill:var(--vpc-line)}
.card{fill:var(--card);stroke:var(--border);stroke-width:1.2}.rule{stroke:var(--rule)}.name{fill:var(--text)}
.service{font-weight:600;fill:currentColor}.sign{fill:currentColor}.cost{fill:var(--text);font-weight:600}
.people{color:var(--people)}.network{color:var(--net)}.compute{color:var(--compute)}.messages{color:var(--messages)}
.data{color:var(--store)}.security{color:var(--security)}
.lines path{fill:none;stroke-width:1.4}.lines .invoke{stroke:var(--invoke)}.lines .data{stroke:var(--data)}
.lines .network{stroke:var(--network);stroke-dasharray:4 3}
.lines .head{stroke:none}.lines .invoke-head{fill:var(--invoke)}.lines .data-head{fill:var(--data)}
.lines .network-head{fill:var(--network)}
.label{fill:var(--quiet);paint-order:stroke;stroke:var(--halo);stroke-width:2.5px;stroke-opacity:.75}
.finding{fill:#8a94a3}.finding.critical{fill:#b3141c}.finding.high{fill:#d9480f}.finding.medium{fill:#c98a04}
.finding-text{fill:#fff;font-weight:700}
"""


def style(theme: str) -> str:
    """The style sheet of a theme.

    Arguments:
        theme: ``light``, ``dark`` or ``auto``.
    """
    rules = "".join(_RULES.split("\n"))
    if theme == "dark":
        return f"svg{{{_variables(_DARK)}}}{rules}"
    light = f"svg{{{_variables(_LIGHT)}}}"
    return light + (f"@media (prefers-color-scheme:dark){{svg{{{_variables(_DARK)}}}}}" if theme == "auto" else "") + rules


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())
