"""Stands in for torchcodec in the process that decodes: does to it what a hostile file might.

What it does is in the name of the file; whatever else it is given it refuses, so that PyAV decodes it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket


class VideoDecoder:
    """A decoder that never brings a picture."""

    def __init__(self, source, **options):
        name = os.path.basename(str(source))
        if "crash" in name:
            os.kill(os.getpid(), signal.SIGSEGV)
        elif "killed" in name:
            os.kill(os.getpid(), signal.SIGKILL)
        elif "exit" in name:
            os._exit(3)
        elif "hang" in name:
            ctypes.PyDLL(None).sleep(600)  # keeps the interpreter's lock: no other thread gets on
        elif "memory" in name:
            bytearray(6 << 30)
        elif "bug" in name:
            raise KeyError("no such thing")
        elif "network" in name:
            socket.create_connection(("127.0.0.1", int(name.split("_")[1])), timeout=5)
            raise KeyError("connected")
        elif "write" in name:
            with open(os.path.join(os.path.dirname(source), "new.txt"), "w") as file:
                file.write("here")
            raise KeyError("written")
        raise RuntimeError("the stand-in decodes nothing")
