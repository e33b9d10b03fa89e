"""``python -m console``: the same as ``yangswan``."""

from __future__ import annotations

from console.start import main

if __name__ == "__main__":
    raise SystemExit(main())
