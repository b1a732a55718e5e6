"""The reference client of OpenMetabolics: what the phone app does, in Python and with the standard library
alone."""

from .client import JobFailed, OpenMetabolicsClient
from .configuration import Configuration, ConfigurationError
from .journey import run_journey
from .sparkline import sparkline
from .transport import ServiceError

__all__ = [
    "Configuration",
    "ConfigurationError",
    "JobFailed",
    "OpenMetabolicsClient",
    "ServiceError",
    "run_journey",
    "sparkline",
]
