"""Part IV, a transformer that classifies AG's news.

Here belong its texts, tokens and classifiers, experiments and their trainings, claims, tables and figures.
"""
