"""Bytes of pictures: what their headers say, decoded at once or by TensorFlow as they are read."""
