"""A part of the GPU's benchmark that notes one row and then ends badly, or never ends."""

import sys
import threading

from tests.benchmarks.gpu.rows import Row, opened

board = opened("standin")
board.add(Row("standin", "a row", 1.0, "ms"))
if board.tiny:
    threading.Event().wait()
sys.exit(3)
