"""What is solved beside the networks of an ensemble on the same rows: a linear model, boosted trees, their shares."""
