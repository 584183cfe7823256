"""Classification by supervised fastText models, over Arrow's string buffers."""

from text.fasttext.classifier import UNKNOWN, FastText

__all__ = ["UNKNOWN", "FastText"]
