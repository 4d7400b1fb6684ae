"""Part IV: a transformer that classifies AG's news."""
