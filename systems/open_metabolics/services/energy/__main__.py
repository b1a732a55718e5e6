"""`python -m services.energy`: start the role that `SERVICE_TYPE` names."""

from __future__ import annotations

import os
import sys

from .settings import SettingsError, read_settings


def main() -> int:
    """Run until the process is asked to stop; exit code 0 then, 2 when the environment cannot be used."""
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if settings.role == "api":
        from .api import serve

        return serve(settings)
    from .worker import Worker

    return Worker(settings).run()


if __name__ == "__main__":
    sys.exit(main())
