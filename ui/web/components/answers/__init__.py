"""The browser's part of the list of answers: presses, the chosen card, pictures under the mouse."""

from ui.web.components.answers.component import KEY, AnswerPress, pressed, show

__all__ = ["KEY", "AnswerPress", "pressed", "show"]
