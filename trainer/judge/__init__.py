"""How good a model is: matching, average precision, operating points, calibration, slices, kinds of mistakes."""
