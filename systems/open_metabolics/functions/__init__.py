"""The eleven functions behind the HTTP API. Handler strings: `functions.<module>.<name>`."""
