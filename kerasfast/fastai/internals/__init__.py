"""What the course's modules share; lessons import none of it by these names."""
