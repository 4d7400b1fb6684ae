"""Part I: the autoencoder of the ElectroGuard line, on a simulated production line."""
