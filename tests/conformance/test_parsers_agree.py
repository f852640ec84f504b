"""The Python and the TypeScript parser over the same generated streams, cut at random.

The streams are made of what matters to a parser: fields, their halves, every line end,
byte order marks, broken UTF-8. The seed is fixed, so a disagreement can be repeated.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tidewire.errors import TooLarge
from tidewire.wire.parser import Parser

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "conformance" / "parser_driver.ts"
SEED = 20_260_000
STREAMS = 4000
NO_LIMIT = 1 << 20

FIELDS = [b"data", b"event", b"id", b"retry", b"Data", b"dat", b"other", b""]
SEPARATORS = [b": ", b":", b"", b":  ", b" : ", b"::"]
VALUES = [
    *(
        b"",
        b"a",
        b" b ",
        b'{"delta":"Hi"}',
        b"[DONE]",
        b"12",
        b"-5",
        b"0007",
        b"99999999999",
        b"\0",
    ),
    *("é你好😀".encode(), "\u2028\u0085\x0b\x1c".encode(), b"\xff", b"\xe2\x82", b"\xf0\x9f\x98"),
    *(b"\xed\xa0\x80", b"\xef\xbb\xbf", b"__proto__", b"a:b", b"data: x"),
]
LINE_ENDS = [b"\n", b"\n", b"\n", b"\r\n", b"\r"]
NOISE = [b"\n", b"\r", b"\xef\xbb\xbf", b"\xef\xbb", b"\x80", b": ping\n\n", b"\n\r\n", b"x"]


def some_line(rng: random.Random) -> bytes:
    return rng.choice(FIELDS) + rng.choice(SEPARATORS) + rng.choice(VALUES)


def some_block(rng: random.Random) -> bytes:
    """A block with one kind of line end, usually ended by its blank line."""
    end = rng.choice(LINE_ENDS)
    lines = [some_line(rng) for _ in range(rng.randint(1, 4))]
    return end.join([*lines, b"", b""] if rng.random() < 0.9 else lines)


def usual_block(rng: random.Random) -> bytes:
    """What servers write, and what the quick ways of a parser are made for."""
    head = rng.choice([b"", b"", b"event: text.delta\n", b"id: 1\n", b"id: 2\nevent: e\n"])
    return head + b"data: " + rng.choice(VALUES) + b"\n\n"


def some_stream(rng: random.Random) -> bytes:
    makers = [usual_block, usual_block, some_block, lambda rng: rng.choice(NOISE)]
    return b"".join(rng.choice(makers)(rng) for _ in range(rng.randint(0, 8)))


def some_cut(rng: random.Random, stream: bytes) -> list[bytes]:
    count = rng.choice([0, 1, 2, 5, len(stream)])
    places = sorted(rng.randint(0, len(stream)) for _ in range(count))
    return [stream[begin:end] for begin, end in pairwise([0, *places, len(stream)])]


def some_case(rng: random.Random) -> dict[str, Any]:
    stream = some_stream(rng)
    max_line, max_event = NO_LIMIT, NO_LIMIT
    if rng.random() < 0.2:
        max_line, max_event = rng.randint(1, 30), rng.randint(1, 30)
    # The empty chunk at the end brings out an error that waits behind events.
    return {
        "chunks": [*some_cut(rng, stream), b""],
        "maxLineBytes": max_line,
        "maxEventBytes": max_event,
    }


def read_in_python(case: dict[str, Any]) -> dict[str, Any]:
    comments: list[str] = []
    events: list[list[str]] = []
    parser = Parser(
        max_line_bytes=case["maxLineBytes"],
        max_event_bytes=case["maxEventBytes"],
        on_comment=comments.append,
    )
    failed = False
    try:
        for chunk in case["chunks"]:
            events += ([e.event, e.data, e.id] for e in parser.feed(chunk))
    except TooLarge:
        failed = True
    return {
        "events": events,
        "comments": comments,
        "lastEventId": parser.last_event_id,
        "retry": parser.retry_milliseconds,
        "failed": failed,
    }


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver with the TypeScript parser as it is in the source now."""
    bundle = tmp_path_factory.mktemp("driver") / "driver.mjs"
    esbuild = ROOT / "js" / "node_modules" / ".bin" / "esbuild"
    options = ["--bundle", "--format=esm", "--platform=node", "--log-level=warning"]
    subprocess.run([esbuild, DRIVER, *options, f"--outfile={bundle}"], check=True, timeout=30)
    return bundle


def read_in_typescript(driver: Path, cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = [
        json.dumps(case | {"chunks": [base64.b64encode(c).decode() for c in case["chunks"]]})
        for case in cases
    ]
    answer = subprocess.run(
        ["node", driver], input="\n".join(lines), capture_output=True, text=True, check=True,
        timeout=30,
    )  # fmt: skip
    # Not splitlines(): it would also split at the U+2028 inside the values.
    return [json.loads(line) for line in answer.stdout.split("\n")[:-1]]


def test_both_parsers_read_the_same(driver: Path) -> None:
    rng = random.Random(SEED)
    cases = [some_case(rng) for _ in range(STREAMS)]
    in_typescript = read_in_typescript(driver, cases)
    in_python = [read_in_python(case) for case in cases]
    for case, python, typescript in zip(cases, in_python, in_typescript, strict=True):
        assert typescript == python, case
    assert sum(len(result["events"]) for result in in_python) > STREAMS
    assert sum(result["failed"] for result in in_python) > STREAMS / 20
