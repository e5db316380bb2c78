"""The commands of `footage db`, in one table."""

from __future__ import annotations

from ui.cli.commands import backup, db, recaption, reembed

HELP = "Check, repair, upgrade, back up and restore the index."
COMMANDS = {
    "check": (db.check, db.CHECK_EXAMPLES),
    "upgrade": (db.upgrade, db.UPGRADE_EXAMPLES),
    "backup": (backup.run, backup.EXAMPLES),
    "restore": (backup.restore, backup.RESTORE_EXAMPLES),
    "reembed": (reembed.run, reembed.EXAMPLES),
    "recaption": (recaption.run, recaption.EXAMPLES),
}
"""The commands: function and examples."""
