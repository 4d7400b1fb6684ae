"""Part II: anomaly detection on the Twitter volumes of the Numenta Anomaly Benchmark (NAB)."""
