"""What stands at the edge of a system: API Gateway HTTP APIs and application load balancers, on local ports.

Start at :func:`~groundsill.ground.edge.http_api.http_apis`,
:class:`~groundsill.ground.edge.load_balancer.LoadBalancer` and :func:`~groundsill.ground.edge.server.serve`.
"""
