"""What a model says is not to steer the terminal that it is printed on."""

from __future__ import annotations

import sys

import pytest

from tidewire import cli
from tidewire.answers.events import RunFailed
from tidewire.cli.tail import _write_line
from tidewire.cli.terminal import say, tell_end, tell_reset, tell_wait
from tidewire.errors import ServerRefused
from tidewire.wire.parser import ServerSentEvent

SAID = "a\x1b]52;c;cm0=\x07b\r\x9b2Kc\td\x7f\n"


def test_a_terminal_gets_no_controls(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    say(SAID, nl=False)
    assert capsys.readouterr().out == "a]52;c;cm0=b2Kc\td\n"
    _write_line(ServerSentEvent("message", "\x1b[2J", "e-1"), "news")
    assert capsys.readouterr().out == "news\tmessage\t[2J\n"


def test_a_file_gets_what_was_said(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    say("a\x07b\x1b[31mc", nl=False)
    assert capfdbinary.readouterr().out == b"a\x07b\x1b[31mc"


def test_nor_does_the_end_of_an_answer_steer_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tell_end(RunFailed("broken\x1b[2J", "away\x07"))
    assert capsys.readouterr().err == "\x1b[31mThe answer failed: away (broken[2J)\x1b[0m\n"


def test_nor_does_what_a_server_refuses_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise ServerRefused("No\x1b[2J.", status=400, code="x")

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(cli, "app", refuse)
    with pytest.raises(SystemExit):
        cli.main()
    tell_wait(1.0, "No\x1b[2J")
    tell_reset('{"stream": "a\\u001b[2J", "reason": "gone"}')
    told = [line[5:-4] for line in capsys.readouterr().err.splitlines()]  # without our colours
    assert told[:2] == ["tidewire: No[2J.", "[No[2J; again in 1.0 s]"]
    assert told[2] == "[a[2J was not continued: gone]"


def test_thoughts_are_dim_and_harmless(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    say("hm\x1b[8m", err=True, dim=True, nl=False)
    assert capsys.readouterr().err == "\x1b[2mhm[8m\x1b[0m"
