"""The box in the app that asks the model about what is playing."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest
from test_ui_app import ask, indexed, open_app, page, whole  # noqa: F401

QUERY = "A green car drives from left to right."


def press(app: AppTest, label: str, words: str) -> AppTest:
    next(box for box in app.text_input if box.label == "Your question").set_value(words)
    return whole(next(button for button in app.button if button.label == label).click().run())


def test_a_question_about_an_answer_is_answered_as_text(open_app, indexed):  # noqa: F811
    app = press(ask(open_app(indexed), QUERY), "Ask", "What is <i>that</i>?")
    said = page(app)
    assert "&lt;b&gt;What is &lt; i&gt;that&lt; /i&gt;?&lt;/b&gt;" in said
    assert re.search("<b>0:[0-9.]+ \u2013 0:[0-9.]+</b> &lt;b&gt;", said)


def test_an_empty_question_is_told_in_a_sentence(open_app, indexed):  # noqa: F811
    app = press(ask(open_app(indexed), QUERY), "Ask", "   ")
    assert "is not a question" in page(app)


def test_what_was_said_of_one_answer_is_not_shown_with_another(open_app, indexed):  # noqa: F811
    app = press(ask(open_app(indexed), QUERY), "Ask", "And this one?")
    assert "And this one?" in page(app)
    others = [button for button in app.button if button.label == "Play answer 2"]
    if not others:
        pytest.skip("a single answer")
    assert "And this one?" not in page(whole(others[0].click().run()))


def test_a_model_that_points_draws_onto_the_picture(open_app, indexed):  # noqa: F811
    app = ask(open_app(indexed, model="/some/folder"), QUERY)
    app = press(app, "Point", "the green car")
    assert "1 object: Point to the green car." in page(app)
    assert len(app.get("image")) == 1


def test_a_model_that_cannot_point_has_no_button_for_it(open_app, indexed):  # noqa: F811
    labels = [button.label for button in ask(open_app(indexed), QUERY).button]
    assert "Ask" in labels and "Point" not in labels
