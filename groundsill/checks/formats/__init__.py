"""A report of `groundsill check` for other programs: JSON, SARIF, JUnit and Markdown."""
