"""How an image learner trains: the head on stored activations, then the whole network, gently; a GPU used well."""
