"""The trainer's page: what boxes said, data sets, labelling, runs, models, jobs; server-rendered, behind a login."""
