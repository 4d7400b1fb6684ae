"""Part II, anomaly detection on the Twitter volumes of the Numenta Anomaly Benchmark (NAB).

Here belong its series, detectors, scoring, experiments and their trainings, claims, tables and figures.
"""
