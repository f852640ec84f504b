"""Writes docs/reference/ from the code: settings, errors, events, dialects, commands.

What the code says of itself – descriptions, docstrings, defaults – is said once, there.
``make docs`` runs this; a test fails when what it writes is not what is committed.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from tidewire import cli, errors
from tidewire.answers import events
from tidewire.dialects import DIALECTS
from tidewire.dialects.features import Feature
from tidewire.live.control import Open, Reset
from tidewire.models.registry import SETTINGS
from tidewire.models.settings import UpstreamSettings
from tidewire.server.settings import ChannelSettings, Settings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by scripts/reference.py from the code; `make docs` writes it anew. -->\n\n"

# Codes of run.failed that are no class of errors.py.
RUN_CODES = {
    "internal": ("yes", "A fault of ours, or of the app's own source; the server's log tells it."),
    "interrupted": ("yes", "The server stopped, or lost its lease, in the middle of the answer."),
    "limit_exceeded": ("some", "The answer was over a limit of `[runs]`: size, time or silence."),
}


def pages() -> dict[str, str]:
    """What each file of docs/reference is to hold."""
    found = {
        "settings.md": _settings(),
        "errors.md": _errors(),
        "events.md": _events(),
        "dialects.md": _dialects(),
        "commands.md": _commands(),
    }
    # Docstrings mark code as reStructuredText does.
    return {name: NOTE + text.replace("``", "`") for name, text in found.items()}


def _settings() -> str:
    return (
        "# Settings\n\n"
        f"{inspect.getdoc(inspect.getmodule(Settings))}\n\n"
        "| setting | variable | default | |\n|---|---|---|---|\n"
        + "".join(_row(*row) for row in _setting_rows(Settings))
        + "\n## Channels\n\n"
        f"{inspect.getdoc(ChannelSettings)} A table `[[channels]]` for each.\n\n"
        "| setting | default | |\n|---|---|---|\n"
        + "".join(
            _row(f"`{name}`", _value(field.default), str(field.description))
            for name, field in ChannelSettings.model_fields.items()
        )
        + "\n## Models\n\n"
        "A table `[models.NAME]` for each. `api` is one of the names below; `api_key`, `proxy`\n"
        "and the values of `headers` may be `env:NAME` or `file:PATH`. `fallback` is a list of\n"
        "other models, asked in their order when this one fails before it has said anything.\n"
        f"\n### For every api but demo\n\n{inspect.getdoc(UpstreamSettings)}\n\n"
        "| setting | default |\n|---|---|\n"
        + "".join(
            _row(f"`{field.name}`", _value(field.default))
            for field in dataclasses.fields(UpstreamSettings)
        )
        + "".join(_model(api, table) for api, table in SETTINGS.items())
    )


def _setting_rows(model: type[BaseModel], place: str = "") -> Iterator[tuple[str, ...]]:
    for name, field in model.model_fields.items():
        table = field.annotation
        if isinstance(table, type) and issubclass(table, BaseModel):
            yield from _setting_rows(table, f"{name}.")
        else:
            variable = "TIDEWIRE_" + (place + name).replace(".", "__").upper()
            text = f"{field.description}{_choices(field)}"
            yield f"`{place}{name}`", f"`{variable}`", _value(field.default), text


def _choices(field: FieldInfo) -> str:
    choices = ", ".join(map(str, get_args(field.annotation)))
    return f" ({choices})" if "Literal" in str(field.annotation) else ""


def _model(api: str, table: Any) -> str:
    """What is this API's own, and what it sets otherwise than the rest."""
    shared = {field.name: field.default for field in dataclasses.fields(UpstreamSettings)}
    rows = "".join(
        _row(f"`{field.name}`", _value(field.default))
        for field in dataclasses.fields(table)
        if shared.get(field.name) != field.default or field.name not in shared
    )
    text = inspect.cleandoc(table.__doc__ or "")
    return f'\n### api = "{api}"\n\n{text}\n\n| setting | default |\n|---|---|\n{rows}'


def _errors() -> str:
    rows = "".join(_row(f"`{code}`", *cells) for code, cells in _codes().items())
    refusals = "".join(
        _row(f"`{code}`", str(status), _yes(errors.UpstreamRefused("", upstream_status=status)))
        for status, code in errors._REFUSALS.items()
    )
    runs = "".join(_row(f"`{code}`", *text) for code, text in RUN_CODES.items())
    return (
        "# Errors\n\n"
        'A refusal is `{"error": {"code", "message", "retryable"}}` with its HTTP status; where\n'
        "the server knows when to come back, `Retry-After` says it. A failure in the middle of\n"
        "an answer is `run.failed` with the same three fields. The message is for a person;\n"
        "programs go by the code. Under `/v1` a refusal has its vendor's shape, with our `code`\n"
        "and `retryable` in it; under `/api/ai-sdk` it is the message as plain text.\n\n"
        f"| code | status | retryable | |\n|---|---|---|---|\n{rows}\n"
        "An unknown path is `not_found`, a wrong method `method_not_allowed` (405). A head of a\n"
        "request that goes on for more than 64 KiB is `too_large` with 431.\n\n"
        "## Refusals of a model API\n\n"
        "Its status is passed on. Without a code of its own it is `upstream_refused`.\n\n"
        f"| code | status | retryable |\n|---|---|---|\n{refusals}\n"
        "## Ends of a run\n\n"
        f"Besides all codes above:\n\n| code | retryable | |\n|---|---|---|\n{runs}"
    )


def _codes() -> dict[str, tuple[str, str, str]]:
    """Status, retryable and meaning of each code; several classes may share one."""
    meanings = dict(re.findall(r"── (\w+) +(\S.+)", inspect.getdoc(errors) or ""))
    codes: dict[str, tuple[str, str, str]] = {}
    for error in _tree(errors.TidewireError):
        meaning = meanings.get(error.__name__) or _own_doc(error).partition("\n")[0].rstrip(".")
        before = codes.get(error.code, ("", "", ""))[2]
        both = "; ".join(filter(None, (before, meaning)))
        codes[error.code] = str(error.status), _yes(error), both
    return codes


def _tree(error: type[errors.TidewireError]) -> Iterator[type[errors.TidewireError]]:
    """The classes below ``error`` that stand in errors.py."""
    for child in error.__subclasses__():
        if child.__module__ == errors.__name__:
            yield child
            yield from _tree(child)


def _events() -> str:
    module = inspect.getdoc(events)
    rows = "".join(
        _event_row(event.type, event)
        for event in events.AnswerEvent.__subclasses__()
        if event.__module__ == events.__name__
    )
    return (
        f"# Events\n\n{module}\n\n| event | data | |\n|---|---|---|\n{rows}"
        "\n## In any stream\n\n| event | data | |\n|---|---|---|\n"
        + _event_row(Reset.type, Reset)
        + "\n## In channels\n\n| event | data | |\n|---|---|---|\n"
        + _event_row(Open.type, Open)
        + "\nWhat is published has the type that its publisher gives it, or `message`. Those of\n"
        "[rooms](../rooms.md) and [notifications](../notifications.md) are on their pages.\n"
    )


def _event_row(name: str, event: type[msgspec.Struct]) -> str:
    fields = ", ".join(
        f"`{field.name}`{'' if field.required else '?'}" for field in msgspec.structs.fields(event)
    )
    return _row(f"`{name}`", fields, " ".join(_own_doc(event).split()))


def _dialects() -> str:
    found = [
        f"## {name}\n\n{inspect.getdoc(inspect.getmodule(dialect))}\n"
        for name, dialect in DIALECTS.items()
    ]
    return (
        "# Dialects\n\n"
        "How an answer is written, chosen by `?dialect=` or the header `Tidewire-Dialect`.\n"
        "An answer begun in one can be read, or resumed by its cursor, in any other.\n\n"
        + "\n".join(found)
        + "\n## What is kept of an answer\n\n"
        + _row("", *(f"`{name}`" for name in DIALECTS))
        + "|---|" + ":-:|" * len(DIALECTS) + "\n"
        + "".join(_feature_row(feature) for feature in Feature)
    )  # fmt: skip


def _feature_row(feature: Feature) -> str:
    kept = (feature in dialect.keeps for dialect in DIALECTS.values())
    return _row(feature.value, *("✓" if is_kept else "–" for is_kept in kept))


def _commands() -> str:
    group: Any = typer.main.get_command(cli.app)
    found = [_command(name, command) for name, command in group.commands.items()]
    return "# Commands\n\n" + "\n".join(found)


def _command(name: str, command: Any) -> str:
    rows = "".join(_parameter_row(parameter) for parameter in command.params)
    table = f"\n| option | |\n|---|---|\n{rows}" if rows else ""
    return f"## tidewire {name}\n\n{inspect.cleandoc(command.help)}\n{table}"


def _parameter_row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    name = ", ".join(parameter.opts) if is_option else parameter.name.upper()
    default = parameter.show_default if isinstance(parameter.show_default, str) else ""
    if not default and type(parameter.default) in (str, int):
        default = parameter.default
    text = parameter.help + (f" Default: `{default}`." if default else "")
    return _row(
        f"`{name}`", text + (f" Variable: `{parameter.envvar}`." if parameter.envvar else "")
    )


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _value(value: object) -> str:
    if isinstance(value, SecretStr) or value is dataclasses.MISSING:
        return ""
    if isinstance(value, Path):
        value = str(value)
    return f"`{json.dumps(value)}`" if value != "" else ""


def _yes(error: Any) -> str:
    return "yes" if error.retryable else "no"


def _own_doc(item: type) -> str:
    """Its docstring, unless it is one that a library has made up."""
    return inspect.cleandoc(item.__dict__.get("__doc__") or "")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
