"""Stored records of monitoring, one module each: the only places that know their keys and their schema version."""
