"""The operations for all surfaces: one module, one request and one result each; prints nothing.

A surface makes a ``service.session.Service`` from its settings and keeps it. A function takes it, a
request and, where the work is long, ``on_event`` and ``cancel``. ``service.schemas`` has the lines of
JSON that results make.
"""
