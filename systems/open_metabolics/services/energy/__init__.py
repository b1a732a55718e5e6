"""The energy service: one image with two roles, `api` and `worker`, chosen by `SERVICE_TYPE`."""
