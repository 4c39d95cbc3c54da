"""Networks of our own that read torch's names, besides ResNets."""
