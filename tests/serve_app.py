"""Serves a script as `footage ui` serves the app: behind the gate. Arguments: SCRIPT PORT [HOST]."""

from __future__ import annotations

import sys
from pathlib import Path

from ui.listening import listening
from ui.web.access.rules import decided
from ui.web.serving import serve

script, port, host = sys.argv[1], int(sys.argv[2]), (sys.argv[3:] or ["127.0.0.1"])[0]
access = decided(host, port, proxy_hosts=[], token=None)
serve(access, listening(access.host, access.port), script=Path(script))
