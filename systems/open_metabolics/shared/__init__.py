"""What the functions and the energy service agree on: table layouts, the job contract and the error form.

Both are packed with this package beside them: the functions' archive holds `functions/` and `shared/`, the
image holds `services/` and `shared/`. Functions and service never import each other.
"""
