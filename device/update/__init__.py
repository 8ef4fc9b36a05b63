"""A model comes to the box: who may say so, what may run, how it gets here, how it is proved, and how it is taken back."""
