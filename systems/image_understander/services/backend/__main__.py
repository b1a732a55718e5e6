"""Starts the backend of ImageUnderstander: ``python -m services.backend``."""

from __future__ import annotations

import os

import uvicorn

from .api import app


def main() -> None:
    """Serve until SIGTERM; requests under way are finished."""
    uvicorn.run(app, host="0.0.0.0", port=int(os.environ.get("PORT", "8000")), access_log=False)


if __name__ == "__main__":
    main()
