"""What Part III states about self-attention, measured."""
