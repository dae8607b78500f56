"""Sentence verification: draft text becomes sentences, each with a verdict and its quotes or a reason."""

from service.grounding.features import FEATURES
from service.grounding.markers import strip_markers
from service.grounding.params import GroundingParams
from service.grounding.stream import DraftSentence, SentenceStream
from service.grounding.verifier import Checked, Verifier

__all__ = ["FEATURES", "Checked", "DraftSentence", "GroundingParams", "SentenceStream", "Verifier", "strip_markers"]
