"""Write the ``.pyi`` files of ``groundsill.aws``: the same as ``python -m groundsill.aws.stubs``."""

from __future__ import annotations

import sys

from groundsill.aws.stubs import main

if __name__ == "__main__":
    sys.exit(main())
