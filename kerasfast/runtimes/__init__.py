"""Models for other runtimes, and those runtimes in the place of Keras: LiteRT and ONNX."""
