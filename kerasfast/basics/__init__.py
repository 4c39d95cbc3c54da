"""What every room needs: rules for arguments, files that appear whole, bars, stored work, a quiet TensorFlow."""
