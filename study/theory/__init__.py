"""Part III, what the original states about self-attention, measured.

Here belong its measurements and their experiments, the graph of an attention module, claims, tables and figures.
"""
