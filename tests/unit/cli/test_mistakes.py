"""What is wrong with a command is said before anything is sent, and in words that help."""

from __future__ import annotations

import runpy
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from tidewire.cli import app
from tidewire.cli.address import header_value
from tidewire.cli.terminal import advice
from tidewire.errors import ServerRefused


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tail foo", "'foo' is not an http or https URL. A channel is followed by --channel."),
        ("tail foo:80/x", "Did you mean http://foo:80/x?"),
        ("tail ftp://foo", "'ftp://foo' is not an http or https URL. A channel"),
        ("tail --text --json http://foo", "give one of them, not both"),
        ("ask m --server localhost:8400", "Did you mean http://localhost:8400?"),
        ("publish news m --server http://foo:high", "is not an http or https URL."),
        ("tail http://foo..bar/x", "is not an http or https URL."),
        ("record foo.com/x --out x", "Did you mean http://foo.com/x?"),
        ("publish a/b m", "A channel's name is 1 to 200 letters"),
        ("tail --channel a --channel b/c", "A channel's name is 1 to 200 letters"),
        ("mock --speed 2", "--speed: it is that of a --replay"),
    ],
)
def test_what_cannot_be_asked_is_said(command: str, said: str) -> None:
    result = CliRunner().invoke(app, command.split(), env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    "command", ["tail http://foo --cursor", "publish a b --key", "ask m --token"]
)
def test_what_no_header_can_bear_is_refused_and_not_repeated(command: str) -> None:
    result = CliRunner().invoke(app, [*command.split(), "sesame\nX: y"])
    assert result.exit_code == 2
    assert "line ends" in result.stderr
    assert "sesame" not in result.stderr


def test_a_token_is_without_the_line_end_of_its_file() -> None:
    assert header_value("sesame\n") == "sesame"


@pytest.mark.parametrize("said", [["-"], ["  "], [""]])
def test_an_empty_question_is_not_asked(said: list[str]) -> None:
    result = CliRunner().invoke(app, ["ask", *said], input="\n")
    assert "The question is empty." in result.stderr


@pytest.mark.parametrize(
    ("command", "told"), [("ask -", "The question is empty."), ("publish news", "[0 published]")]
)
def test_there_may_be_no_stdin_at_all(
    monkeypatch: pytest.MonkeyPatch, command: str, told: str
) -> None:
    monkeypatch.setattr("tidewire.cli.stdin.sys", SimpleNamespace(stdin=None))
    assert told in CliRunner().invoke(app, command.split()).stderr


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("unauthorized", "TIDEWIRE_TOKEN"),
        ("not_found", "Is the address right?"),
        (None, "Does tidewire serve run"),
    ],
)
def test_what_may_help_is_said(code: str | None, said: str) -> None:
    assert said in advice(ServerRefused("No.", status=400, code=code))


def test_the_module_is_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tidewire", "version"])
    with pytest.raises(SystemExit):
        runpy.run_module("tidewire", run_name="__main__")
    assert capsys.readouterr().out.count(".") == 2
