"""The sequence of what each customer did, and a network that reads it and says what comes next."""
