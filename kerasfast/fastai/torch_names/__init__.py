"""The torch names and torch methods that lessons use, on arrays, tensors and layers of NumPy, TensorFlow and Keras."""
