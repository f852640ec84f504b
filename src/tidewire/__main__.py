"""``python -m tidewire``: the command, where its script is not on the PATH."""

from __future__ import annotations

from tidewire.cli import main

if __name__ == "__main__":
    main()
