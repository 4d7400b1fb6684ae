"""The Bonus part, a Vision Transformer beside convolutional networks on 64×64 images of dogs, food and vehicles.

Here belong its images, augmentation and networks, experiments and their trainings, claims, tables and figures.
"""
