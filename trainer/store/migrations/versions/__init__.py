"""One file a version; what is here was run somewhere and is never changed again."""
