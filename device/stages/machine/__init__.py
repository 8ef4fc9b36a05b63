"""A state machine as it is declared, examined, run and drawn; media time only, nothing kept between calls but what is handed back."""
