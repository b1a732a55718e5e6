"""Terraform's language, HCL, and its JSON form: from text to expressions and blocks.

Written for this and not taken from ``python-hcl2``, which takes 6 s for a file of 500 resources (its grammar is run by a
general parser) and keeps expressions as text.
Source: HCL Native Syntax Specification and HCL JSON Syntax Specification (hashicorp/hcl).
"""
