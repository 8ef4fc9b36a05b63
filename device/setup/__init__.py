"""What an owner does with a box from the page: claims it, sets it up, and gives it back as it came."""
