"""Long-running services on the ground: what Amazon ECS on Fargate does, with processes of this machine.

`settings.settings_from` reads the resolved resources; `runner.ServiceRunner` keeps one service running.
"""
