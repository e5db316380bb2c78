"""Loads the model that knows the sample clips, for pages that run as scripts of their own."""

from standin_truth import TruthModel


def load(settings):
    return TruthModel()
