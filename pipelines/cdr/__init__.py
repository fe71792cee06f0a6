"""Curation of call detail records: checked, once each, accounted for."""
