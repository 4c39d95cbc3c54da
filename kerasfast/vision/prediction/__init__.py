"""What is made of a trained network: predictors in one file, views averaged, submissions, graphs that serve."""
