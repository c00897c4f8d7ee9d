"""The claims of the explainer that this project grew from, a file each, in the order of the reports."""

from lstm_bench.claims.explainer import (
    additive_path,
    conveyor_belt,
    gate_count,
    gate_roles,
    gates,
    memory_span,
    nearly_zero,
    parameters,
    same_word,
    sentence_boundary,
    vanishing_gradient,
)

CLAIMS = (
    memory_span,
    vanishing_gradient,
    nearly_zero,
    gate_count,
    gates,
    gate_roles,
    parameters,
    same_word,
    sentence_boundary,
    additive_path,
    conveyor_belt,
)
