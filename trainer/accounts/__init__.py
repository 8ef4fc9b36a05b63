"""People: who may use the trainer's page, who is logged in, what each may do, and who did what."""
