"""Migrations of the store, run by Alembic; a store is brought up to date when it is opened."""
