"""``python -m ui.cli``: the footage command."""

from ui.cli.main import main

main()
