"""Play a walk through the running system, as a new user of the phone app would, and print what came out.

    python -m systems.open_metabolics.walk [--stage dev] [--json | --token]

The walk is a recorded one where the recordings lie beside the repository, else a simulated one; it says which. With
--token it only signs a new user up and prints the token that goes with requests.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

FOLDER = Path(__file__).resolve().parent
# The person of the recording; the simulated walker is the same.
PROFILE = {"age": 34, "sex": "male", "weight": 77, "height": 178}
_MAIL_SECONDS = 20.0


def main() -> int:
    """Play the walk.

    Returns:
        0 when the energy came out, 1 when it did not or nothing runs.
    """
    parser = argparse.ArgumentParser(prog="python -m systems.open_metabolics.walk", description=__doc__)
    parser.add_argument("--stage", default="dev")
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    parser.add_argument("--token", action="store_true", help="sign a new user up and print the token for requests")
    given = parser.parse_args()
    try:
        ground = json.loads((FOLDER / ".groundsill" / given.stage / "ground.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        print(f"OpenMetabolics {given.stage} does not run; start it with: groundsill up {FOLDER.name} --stage "
              f"{given.stage} --detach", file=sys.stderr)
        return 1
    # A front door with a certificate has one of this machine's own authority here.
    authority = FOLDER / ".groundsill" / given.stage / "certificates" / "authority.pem"
    if authority.exists():
        os.environ.setdefault("SSL_CERT_FILE", str(authority))
    from .client.client import JobFailed, ServiceError
    from .client.journey import run_journey

    if given.token:
        print(new_token(ground))
        return 0

    kind, rows = walk_rows()
    show = Progress(quiet=given.json)
    show.line(f"Playing a {kind} walk: {len(rows):,} samples, {(rows[-1][0] - rows[0][0]) / 60:.1f} minutes")
    try:
        summary = run_journey(
            client_configuration(ground), rows, PROFILE, lambda email: mailed_code(ground["urls"]["mail"], email),
            show.event,
        )
    except (ServiceError, JobFailed, TimeoutError) as error:
        show.end()
        print(f"The walk did not come through: {error}\nSee: groundsill logs {FOLDER.name}", file=sys.stderr)
        return 1
    show.end()
    if given.json:
        print(json.dumps({"walk": kind, **{name: value for name, value in summary.items() if name != "password"}}))
    else:
        print_summary(summary, ground)
    return 0


def walk_rows() -> tuple[str, list[list[float]]]:
    """The walk to play: ``recorded`` or ``simulated``, and its rows of time, gyroscope and accelerometer."""
    from .simulation.recording import find_recording, load_recording
    from .simulation.walk import simulate_walk

    path = find_recording(FOLDER)
    samples = load_recording(path) if path else simulate_walk()
    import numpy as np

    return ("recorded" if path else "simulated",
            np.column_stack([samples.time, samples.gyroscope, samples.accelerometer]).tolist())


def client_configuration(ground: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the reference client: the system's outputs, its region and where AWS is on this machine."""
    return {**ground["outputs"], "region": ground["region"], "aws_endpoint_url": ground["urls"]["AWS API"]}


def new_token(ground: dict[str, Any]) -> str:
    """The id token of a user who has just signed up."""
    from .client.client import OpenMetabolicsClient

    client = OpenMetabolicsClient.from_configuration(client_configuration(ground))
    email, password = f"walker-{secrets.token_hex(6)}@example.com", f"Wk1!{secrets.token_urlsafe(18)}"
    client.sign_up(email, password, "Test", "Walker")
    client.confirm(email, mailed_code(ground["urls"]["mail"], email))
    return client.sign_in(email, password).id_token


def mailed_code(mailbox: str, email: str) -> str:
    """The code in the newest mail to an address, waited for.

    Raises:
        TimeoutError: where no mail with a code arrives.
    """
    address = f"{mailbox}?to={urllib.parse.quote(email)}"
    for _ in _patiently(_MAIL_SECONDS):
        with urllib.request.urlopen(address, timeout=5) as answer:
            mails = json.load(answer)["mail"]
        for mail in reversed(mails):
            code = re.search(r"\b\d{6}\b", mail.get("text") or mail.get("html") or "")
            if code:
                return code.group()
    raise TimeoutError(f"no mail with a code came for {email}")


def _patiently(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


class Progress:
    """One line a step; on a terminal the long steps count up in place.

    Arguments:
        quiet: print nothing.
    """

    _STEPS: ClassVar = {
        "signed_up": "Signed up {email}", "confirmed": "Confirmed with the mailed code", "signed_in": "Signed in",
        "profile_saved": "Saved the profile", "queued": "Job queued",
    }

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live = sys.stdout.isatty()
        self._open = False
        self._last = ""

    def event(self, name: str, facts: dict[str, Any]) -> None:
        """Show one step of the journey."""
        if name in self._STEPS:
            self.line(self._STEPS[name].format(**facts))
        elif name == "uploaded":
            self._count(f"Uploaded {facts['samples']:,} samples")
        elif name == "progress":
            self._count(f"Estimating: {facts['progress']:3.0f} %  {facts['status']}")

    def line(self, text: str) -> None:
        """Show a step that is done at once."""
        self.end()
        if not self._quiet:
            print(f"  {text}", flush=True)

    def _count(self, text: str) -> None:
        if self._quiet or text == self._last:
            return
        self._last = text
        if self._live:
            print(f"\r  {text:<60}", end="", flush=True)
            self._open = True
        else:
            print(f"  {text}", flush=True)

    def end(self) -> None:
        """End a line that counts."""
        if self._open:
            print(flush=True)
            self._open = False


def print_summary(summary: dict[str, Any], ground: dict[str, Any]) -> None:
    """What came out, and where everything is."""
    minutes = summary["duration_seconds"] / 60
    print(f"""
  Energy      {summary['kilocalories']:.0f} kcal in {minutes:.1f} minutes
  Active      {summary['active_minutes']:.1f} minutes
  Power       {summary['mean_watts']:.0f} W mean, {summary['peak_watts']:.0f} W peak
  Curve       {summary['sparkline']}
  Took        {summary['upload_seconds']:.1f} s to upload, {summary['process_seconds']:.1f} s to estimate
""")
    width = max(len(name) for name in ground["urls"])
    front = next(url for name, url in ground["urls"].items() if name.startswith("front"))
    for name, url in ground["urls"].items():
        print(f"  {name:<{width}}  {url}")
    print(f"""
  Try it:
    curl {front}/health
    curl {ground["urls"]["mail"]}
    TOKEN=$(.venv/bin/python -m systems.open_metabolics.walk --token)
    curl {ground["urls"]["api"]}/get-past-sessions -H "Authorization: Bearer $TOKEN" -d '{{}}'""")
    print("\n  The system runs on until `make down`. Its logs: groundsill logs systems/open_metabolics --follow")


if __name__ == "__main__":
    sys.exit(main())
