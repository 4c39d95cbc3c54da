"""Whole trainings on a folder of pictures or a table: the recipe, its run folder and what it leaves there."""
