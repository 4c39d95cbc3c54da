"""Plain Keras models of encoded rows: entity embeddings, alone or many in one."""
