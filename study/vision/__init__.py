"""Bonus: a Vision Transformer beside convolutional networks on 64×64 images of dogs, food and vehicles."""
