"""The AWS API of the ground: one process on 127.0.0.1 that answers as AWS would, and keeps what it was told.

The answers come from MiniStack (MIT), which this package alone knows: ``emulator.py`` imports it, ``patches/`` mends it
service by service, and everything else of the ground speaks AWS's own protocols to the URL. What this package adds:

- IAM is enforced for each caller, signatures included; unknown keys are refused (``front.py``, ``authorization.py``).
- What was acknowledged survives ``kill -9`` (``journal.py``, ``durability.py``).
- DynamoDB and SQS calls take a short way (``fast_path.py``).
- Services that the emulator lacks are kept and read back, without running (``records/``).
- A second attempt at a call whose answer was lost gets that answer (``repeats.py``).
- Every mail is kept and readable (``mail.py``); every call leaves one line (``observer.py``).

How the emulator treats each Terraform type that the ground meets, found by trying it:
see ``TERRAFORM_TYPES`` in ``terraform_types.py``.

Importing this package is cheap: neither boto3 nor MiniStack is loaded in the parent process.
"""

from __future__ import annotations

from groundsill.ground.aws_api.api import AwsApi
from groundsill.ground.aws_api.settings import AwsApiError, AwsApiSettings, Credentials, environment_for

__all__ = ["AwsApi", "AwsApiError", "AwsApiSettings", "Credentials", "environment_for"]
