"""What every bench may be asked on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from pathlib import Path

__all__ = ["EPILOG", "numbers", "options", "some_of"]

EPILOG = "Exit code: 0 every bar held, 1 a bar was missed, 2 it could not be measured."


def options(about: str | None, rounds: int | None = None) -> argparse.ArgumentParser:
    """A parser that tells `about`, with --json and, if it has a default, --rounds."""
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EPILOG,
    )
    if rounds is not None:
        about_rounds = "rounds that count (default %(default)s)"
        parser.add_argument("--rounds", type=int, default=rounds, help=about_rounds)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every round's figures")
    return parser


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """The type of an option that takes some of these names, with commas between."""

    def names(text: str) -> list[str]:
        chosen = text.split(",")
        if unknown := [name for name in chosen if name not in known]:
            there_are = f"there are {', '.join(known)}"
            raise argparse.ArgumentTypeError(f"no such name: {', '.join(unknown)}; {there_are}")
        return chosen

    return names


def numbers(text: str) -> list[int]:
    """The type of an option that takes numbers, with commas between."""
    return [int(number) for number in text.split(",")]
