"""Image classification: sources, pipelines, backbones and the image learner."""
