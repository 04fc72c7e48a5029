"""How a list leaves: staged for the gate, told apart from the last one, published and exported."""
