"""Importable code behind the notebooks: a folder a part, commands, and what several parts share.

Importing it sets what TensorFlow and Keras read when they are imported, so a Keras module imports from here first.
"""

import os

from study import environment

environment.settle_arithmetic(os.environ)
