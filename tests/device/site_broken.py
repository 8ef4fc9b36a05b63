"""A site's module that ends the program when it is imported."""

raise SystemExit("the licence has run out")
