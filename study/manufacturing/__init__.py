"""Part I, the autoencoder of the ElectroGuard line.

Here belong the simulated line and its faults, detectors, experiments and their trainings, claims, tables and figures.
"""
