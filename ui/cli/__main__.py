"""``python -m ui.cli``: the footage command."""

from ui.cli.start import main

main()
