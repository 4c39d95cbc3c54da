"""Looking into an image model: interpretation, Grad-CAM, doubtful data, the report, numbers in cells."""
