"""What is kept how long: shelves with budgets, and the janitor who looks after them."""
