"""The claims of the explainer that this project grew from, a file each, in the order of the reports."""

from lstm_bench.claims.explainer import (
    additive_path,
    gates,
    memory_span,
    parameters,
    same_word,
    sentence_boundary,
    vanishing_gradient,
)

CLAIMS = (memory_span, vanishing_gradient, gates, parameters, same_word, sentence_boundary, additive_path)
