"""A trained model behind HTTP: uploads in, predictions out."""
