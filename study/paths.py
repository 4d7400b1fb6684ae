"""Absolute paths of the project; nobody else joins path strings."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
STUDY = ROOT / "study"
DATA = ROOT / "data"
CATALOG = DATA / "catalog.toml"
PUBLISHED = DATA / "published.toml"
CHANGED_VERDICTS = DATA / "changed_verdicts.toml"
ASSIGNMENT = DATA / "assignment.toml"
RAW = DATA / "raw"
DEFAULT_MIRROR = ROOT.parent / "shared" / "data"
REPORT = ROOT / "report"
TEMPLATES = REPORT / "templates"
BIBLIOGRAPHY = REPORT / "references.bib"
DETECTOR_TRIALS = REPORT / "own_detector_trials.csv"
SURGE_TRIALS = REPORT / "surge_trials.csv"
CLASSIFIER_TRIALS = REPORT / "own_classifier_trials.csv"
VISION_TRIALS = REPORT / "vision_trials.csv"
BENCHMARKS = REPORT / "benchmarks.json"
MISTAKES_READ = REPORT / "mistakes_read.csv"
BUILD = ROOT / "build"
