"""``python -m agent`` is ``yangswand``."""

from __future__ import annotations

from agent.start import main

if __name__ == "__main__":
    main()
