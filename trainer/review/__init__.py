"""What is worth labelling: the queue of pictures, what people say of them, and what that says of the models in the field."""
