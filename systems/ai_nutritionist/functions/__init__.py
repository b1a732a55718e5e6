"""The service's functions, one file a concern. What is not built yet says so."""
