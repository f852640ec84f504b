"""What is wrong with a command is said before anything is sent, and in words that help."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from tidewire.cli import app


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tail foo", "'foo' is not an http or https URL. A channel is followed by --channel."),
        ("tail foo:80/x", "Did you mean http://foo:80/x?"),
        ("tail ftp://foo", "'ftp://foo' is not an http or https URL. A channel"),
        ("tail --text --json http://foo", "give one of them, not both"),
        ("ask m --server localhost:8400", "Did you mean http://localhost:8400?"),
        ("publish news m --server http://foo:high", "is not an http or https URL."),
    ],
)
def test_what_cannot_be_asked_is_said(command: str, said: str) -> None:
    result = CliRunner().invoke(app, command.split(), env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize("said", [["-"], ["  "], [""]])
def test_an_empty_question_is_not_asked(said: list[str]) -> None:
    result = CliRunner().invoke(app, ["ask", *said], input="\n")
    assert "The question is empty." in result.stderr
