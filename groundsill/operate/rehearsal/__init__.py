"""The dress rehearsal of a deployment, before there is an AWS account.

The real Terraform with the real provider works against a fresh AWS API on this machine: everything is applied, a
second plan must be empty, everything is destroyed, and nothing may be left. What comes out is a `Report` with one line
a resource. Where the API is not yet good enough, a `Gap` says so, and the report shows it: nothing is passed over.
"""

from __future__ import annotations

from groundsill.operate.rehearsal.gaps import GAPS, Gap
from groundsill.operate.rehearsal.limit import DEFAULT_SECONDS
from groundsill.operate.rehearsal.report import Outcome, Report, ResourceReport
from groundsill.operate.rehearsal.run import rehearse

__all__ = ["DEFAULT_SECONDS", "GAPS", "Gap", "Outcome", "Report", "ResourceReport", "rehearse"]
