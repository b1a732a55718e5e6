"""Run the AWS API alone: ``python -m groundsill.ground.aws_api --data DIR --port N``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from groundsill.ground.aws_api import AwsApi, AwsApiError, AwsApiSettings, environment_for


async def run(settings: AwsApiSettings) -> int:
    """Serve until interrupted; a crash is reported and the server started again on the same port."""
    api = await AwsApi.start(settings)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    for name, value in environment_for(api.root_credentials(), api.url, settings.region).items():
        sys.stdout.write(f"export {name}={value}\n")
    sys.stdout.flush()
    stop = asyncio.create_task(ended.wait())
    while not ended.is_set():
        crash = asyncio.create_task(api.crashed())
        await asyncio.wait({stop, crash}, return_when=asyncio.FIRST_COMPLETED)
        if crash.done():
            sys.stderr.write(f"the AWS API ended with code {crash.result()}; starting it again\n")
            await api.restart()
        else:
            crash.cancel()
    await api.stop()
    return 0


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m groundsill.ground.aws_api", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder for everything stored")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--account", default="000000000000", help="12 digits")
    options = parser.parse_args()
    settings = AwsApiSettings(options.data, options.port, options.region, options.account)
    try:
        return asyncio.run(run(settings))
    except AwsApiError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
