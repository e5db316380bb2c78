"""The commands of `footage alerts`, in one table."""

from __future__ import annotations

from ui.cli.commands import add_alert, alerts

HELP = "Alerts: report new moments by themselves."
COMMANDS = {
    "add": (add_alert.run, add_alert.EXAMPLES),
    "list": (alerts.list_, alerts.LIST_EXAMPLES),
    "show": (alerts.show, alerts.SHOW_EXAMPLES),
    "remove": (alerts.remove, alerts.REMOVE_EXAMPLES),
    "enable": (alerts.enable, alerts.ENABLE_EXAMPLES),
    "disable": (alerts.disable, alerts.DISABLE_EXAMPLES),
    "test": (alerts.test, alerts.TEST_EXAMPLES),
    "history": (alerts.history, alerts.HISTORY_EXAMPLES),
    "run": (alerts.run, alerts.RUN_EXAMPLES),
    "retry": (alerts.retry, alerts.RETRY_EXAMPLES),
}
"""The commands: function and examples."""
