"""What is kept of a training: weights and state in files, the best epoch, the place to go on from."""
