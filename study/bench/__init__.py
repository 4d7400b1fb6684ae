"""`make bench`: how fast the build and the trainings are on this machine, beside the common ways, in one go."""
