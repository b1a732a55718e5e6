"""Operating migrations: what is applied and what is pending, for a system on this machine and for a deployed stage.

Start at :mod:`~groundsill.operate.migrations.place`: what can be asked, whoever answers.
"""
