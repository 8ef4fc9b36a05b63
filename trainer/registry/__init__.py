"""Models: bundles made of runs, signed, checked, judged; which is the champion, and what ran where."""
